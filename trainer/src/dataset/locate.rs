//! Finds a data set by name or path, and says how to get it if it is missing.

use std::env;
use std::path::{Path, PathBuf};

use super::columns;
use super::error::{DataError, FaultKind, Place};
use crate::trusted;

/// Name of the environment variable that points to a folder with data sets.
pub const ENVIRONMENT: &str = "EYAS_DATA";

/// A public data set with its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// Name a recipe uses.
    pub name: &'static str,
    /// Name of the file inside its folder, without extension.
    file: &'static str,
    /// Its origin, with the names that upstream uses.
    pub origin: &'static str,
    /// Work to cite.
    pub citation: &'static str,
}

const PLANETOID: &str = "Sen et al., Collective Classification in Network Data, AI Magazine 2008; Yang, Cohen, \
                         Salakhutdinov, Revisiting Semi-Supervised Learning with Graph Embeddings, ICML 2016";
const PITFALLS: &str = "Shchur et al., Pitfalls of Graph Neural Network Evaluation, 2018 (arXiv 1811.05868)";

/// The data sets that recipes know by name.
pub const KNOWN: &[Known] = &[
    Known {
        name: "cora",
        file: "cora",
        origin: "github kimiyoung/planetoid, data/ind.cora.*, repacked into plain arrays (shipped with Eyas under \
                 models/cora/data)",
        citation: PLANETOID,
    },
    Known {
        name: "citeseer",
        file: "citeseer",
        origin: "github kimiyoung/planetoid, data/ind.citeseer.*, repacked into plain arrays",
        citation: PLANETOID,
    },
    Known {
        name: "pubmed",
        file: "pubmed",
        origin: "github kimiyoung/planetoid, data/ind.pubmed.*, repacked into plain arrays",
        citation: PLANETOID,
    },
    Known {
        name: "amazon-photo",
        file: "amazon-photo",
        origin: "github EdisonLeeeee/GraphData, datasets/amazon_photo.npz, its pickled matrices repacked into plain arrays",
        citation: "Shchur et al., Pitfalls of Graph Neural Network Evaluation, 2018 (arXiv 1811.05868); McAuley et al., \
                   Image-Based Recommendations on Styles and Substitutes, SIGIR 2015",
    },
    Known {
        name: "coauthor-cs",
        file: "coauthor-cs",
        origin: "github EdisonLeeeee/GraphData, datasets/coauthor_cs.npz, its pickled matrices repacked into plain arrays",
        citation: PITFALLS,
    },
    Known {
        name: "sp-sw-har",
        file: "har_windows_feat",
        origin: "github GeoTecINIT/sp-sw-har-dataset, windows of 1 s with 16 features a channel",
        citation: "Matey-Sanz, Casteleyn, Granell, Data in Brief 2023, 109809; CC BY 4.0",
    },
    Known {
        name: "av-mnist-fsdd",
        file: "av_pairs",
        origin: "MNIST test images with 75 % of their energy removed, beside noisy recordings of github Jakobovski/free-spoken-digit-dataset",
        citation: "Free Spoken Digit Dataset, CC BY-SA 4.0; LeCun et al., MNIST",
    },
    Known {
        name: "room-occupancy",
        file: "occ_windows",
        origin: "UCI Room Occupancy Estimation, windows of 8 samples",
        citation: "Singh et al., IEEE Globecom Workshops 2018",
    },
    Known {
        name: "beijing-air",
        file: "beijing-air",
        origin: "UCI Beijing Multi-Site Air Quality, the twelve PRSA_Data_*.csv files, gzipped or plain, in one folder",
        citation: "Zhang et al., Proc. R. Soc. A 473:20170457, 2017",
    },
    Known {
        name: "cpf-cora",
        file: "cora",
        origin: "github shchur/gnn-benchmark, data/npz/cora.npz, as it is",
        citation: PITFALLS,
    },
];

/// Folders to search, each optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Folder given on the command line (`--data-dir`).
    pub data_dir: Option<PathBuf>,
    /// Folder from the environment variable [`ENVIRONMENT`].
    pub environment: Option<PathBuf>,
    /// Folders from which the recipe's paths start, in search order.
    pub recipe_dirs: Vec<PathBuf>,
    /// The repository with its shipped data.
    pub repository: Option<PathBuf>,
}

impl Search {
    /// The search of a command: the folders given, the environment, and the repository that built this program.
    pub fn from_environment(data_dir: Option<PathBuf>, recipe_dirs: Vec<PathBuf>) -> Self {
        let environment = env::var_os(ENVIRONMENT).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { data_dir, environment, recipe_dirs, repository: trusted::repository() }
    }

    /// A path of the recipe: in the first of its folders that has it, then in the working folder, then in the folder of
    /// the command line, where the file name is enough. If nothing is found, the first of these.
    pub fn path(&self, path: &str) -> PathBuf {
        let places = self.places(path);
        places.iter().find(|place| place.exists()).or(places.first()).cloned().unwrap_or_default()
    }

    /// The possible places of a recipe's path.
    fn places(&self, path: &str) -> Vec<PathBuf> {
        let mut places: Vec<PathBuf> = self.recipe_dirs.iter().map(|folder| folder.join(path)).collect();
        places.push(PathBuf::from(path));
        if let (Some(folder), Some(name)) = (&self.data_dir, Path::new(path).file_name()) {
            places.extend([folder.join(path), folder.join(name)]);
        }
        places
    }
}

/// Finds the data set that a recipe names by path or by name.
///
/// A path (one that contains a separator, or ends in `.npz`, `.csv`, `.csv.gz`, `.tsv`, `.tsv.gz` or `.parquet`) is searched for as
/// [`Search::path`] describes. A name is searched for, in this order, under the folder of the command line, that of the
/// environment and that of the recipe, each as `graphs/<name>/<file>.npz`, `multimodal/<name>/<file>.npz`,
/// `<name>/<file>.npz`, `<name>.npz` and a folder `<name>` with `nodes.csv`; then as `data/<name>.npz` in the recipe's
/// folder; then among the data shipped with the repository.
///
/// Last, a folder `<name>` that holds tables and none of the above is taken as a whole: series of several sites.
///
/// # Errors
/// [`FaultKind::NotFound`] with every place searched, and for a known data set its origin and citation.
pub fn locate(source: &str, search: &Search) -> Result<PathBuf, DataError> {
    let looks_like_path = source.contains(['/', '\\'])
        || [".npz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet"]
            .iter()
            .any(|extension| source.to_ascii_lowercase().ends_with(extension));
    if looks_like_path {
        let path = search.path(source);
        return if path.exists() {
            Ok(path)
        } else {
            let remedy = "correct the path, which starts from the recipe's folder or the working folder, or name the \
                          folder that holds the file with --data-dir";
            Err(missing(source, &search.places(source), remedy.to_owned()))
        };
    }
    let mut places = Vec::new();
    let known = KNOWN.iter().find(|known| known.name == source);
    let file = format!("{}.npz", known.map_or(source, |known| known.file));
    let named = [&search.data_dir, &search.environment].into_iter().flatten();
    for folder in named.chain(&search.recipe_dirs) {
        places.push(folder.join("graphs").join(source).join(&file));
        places.push(folder.join("multimodal").join(source).join(&file));
        places.push(folder.join(source).join(&file));
        // `cora.npz` among other files is the planetoid Cora, even if a longer name was requested.
        places.push(folder.join(format!("{source}.npz")));
        places.push(folder.join(source).join("nodes.csv"));
    }
    places.extend(search.recipe_dirs.iter().map(|folder| folder.join("data").join(format!("{source}.npz"))));
    if source == "cora" {
        places.extend(search.repository.iter().map(|folder| folder.join("models/cora/data/cora.npz")));
    }
    match places.iter().find(|path| path.is_file()) {
        Some(path) if path.ends_with("nodes.csv") => Ok(path.parent().unwrap_or(path).to_path_buf()),
        Some(path) => Ok(path.clone()),
        None => places
            .iter()
            .filter_map(|path| path.parent())
            .find(|folder| folder.ends_with(source) && columns::tables_of(folder).is_ok())
            .map(Path::to_path_buf)
            .ok_or_else(|| missing(source, &places, how_to_get(source, known))),
    }
}

fn how_to_get(source: &str, known: Option<&Known>) -> String {
    let place = format!("put it under a folder and name that folder with --data-dir or {ENVIRONMENT}");
    if let Some(known) = known {
        return format!("get it from {} (cite {}) and {place}", known.origin, known.citation);
    }
    let nearest = KNOWN
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known.name, source), known.name))
        .min()
        .filter(|&(distance, _)| distance <= 3)
        .map_or_else(String::new, |(_, name)| format!("did you mean {name}? Otherwise "));
    format!("{nearest}{place}, or write a path such as ./graph.npz")
}

fn missing(source: &str, places: &[PathBuf], remedy: String) -> DataError {
    let places: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
    let looked =
        if places.is_empty() { "no folder to look in".to_owned() } else { format!("nothing at {}", places.join(", ")) };
    DataError::new(FaultKind::NotFound, Place::file(source.as_ref()), "a data set of this name", looked, remedy)
}

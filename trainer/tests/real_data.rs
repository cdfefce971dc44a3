//! Counts of the public graphs, as their sources state them. Cora ships with the repository; the others are checked if
//! they are present.

use std::path::{Path, PathBuf};

use eyas_trainer::data::{Data, Matrix, Truth};
use eyas_trainer::dataset::locate::{Search, locate};
use eyas_trainer::dataset::{FaultKind, Graph, Loaded, ReadOptions, Split, Warning, read, split};
use eyas_trainer::{Recipe, Run};

struct Counts {
    name: &'static str,
    nodes: usize,
    edges: usize,
    inputs: usize,
    nonzeros: usize,
    classes: usize,
    split: Option<[usize; 3]>,
    isolated: usize,
    /// Share of the edges that join equal labels, in thousandths.
    homophily: usize,
}

const CORA: Counts = Counts {
    name: "cora",
    nodes: 2708,
    edges: 5278,
    inputs: 1433,
    nonzeros: 49_216,
    classes: 7,
    split: Some([140, 500, 1000]),
    isolated: 0,
    homophily: 810,
};

const OTHERS: [Counts; 5] = [
    Counts {
        name: "citeseer",
        nodes: 3327,
        edges: 4552,
        inputs: 3703,
        nonzeros: 105_165,
        classes: 6,
        split: Some([120, 500, 1000]),
        isolated: 48,
        homophily: 736,
    },
    Counts {
        name: "pubmed",
        nodes: 19_717,
        edges: 44_324,
        inputs: 500,
        nonzeros: 988_031,
        classes: 3,
        split: Some([60, 500, 1000]),
        isolated: 0,
        homophily: 802,
    },
    Counts {
        name: "amazon-photo",
        nodes: 7650,
        edges: 119_081,
        inputs: 745,
        nonzeros: 1_979_909,
        classes: 8,
        split: None,
        isolated: 115,
        homophily: 827,
    },
    Counts {
        name: "coauthor-cs",
        nodes: 18_333,
        edges: 81_894,
        inputs: 6805,
        nonzeros: 1_092_079,
        classes: 15,
        split: None,
        isolated: 0,
        homophily: 808,
    },
    Counts {
        name: "cpf-cora",
        nodes: 2708,
        edges: 5278,
        inputs: 1433,
        nonzeros: 49_216,
        classes: 7,
        split: None,
        isolated: 0,
        homophily: 810,
    },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cora() -> Graph {
    Graph::load(&root().join("models/cora/data/cora.npz")).unwrap()
}

fn check(counts: &Counts, loaded: &Loaded) {
    let graph = &loaded.graph;
    let sizes = (graph.nodes(), graph.edges(), graph.inputs(), graph.features.nnz(), graph.classes);
    assert_eq!(sizes, (counts.nodes, counts.edges, counts.inputs, counts.nonzeros, counts.classes), "{}", counts.name);
    let published = graph.published.as_ref().map(|split| [split.train.len(), split.tune.len(), split.test.len()]);
    assert_eq!(published, counts.split, "{}", counts.name);
    let isolated = loaded.warnings.iter().find_map(|warning| match warning {
        Warning::IsolatedNodes { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(isolated.unwrap_or(0), counts.isolated, "{}", counts.name);
    let labels = graph.labels.as_ref().unwrap();
    let equal = graph.adjacency.iter().filter(|&(_, (from, to))| labels[from] == labels[to]).count();
    assert_eq!(
        (equal as f64 / graph.adjacency.nnz() as f64 * 1000.0).round() as usize,
        counts.homophily,
        "{}",
        counts.name
    );
}

#[test]
fn shipped_cora_is_as_its_source_states() {
    let loaded = read(&root().join("models/cora/data/cora.npz"), &ReadOptions::default()).unwrap();
    check(&CORA, &loaded);
    // The published archive keeps a word that no paper uses.
    assert_eq!(loaded.warnings, [Warning::ConstantFeatures { count: 1, first: 444 }]);
    assert!(loaded.graph.is_binary());
    let published = split::published(&loaded.graph).unwrap();
    assert_eq!(published.train, (0..140).collect::<Vec<_>>());
}

#[test]
fn other_graphs_are_as_their_sources_state() {
    let search = Search::from_environment(None, Vec::new());
    for counts in &OTHERS {
        match locate(counts.name, &search) {
            Ok(path) => check(counts, &read(&path, &ReadOptions::default()).unwrap()),
            Err(error) => eyas_tests::skip(error),
        }
    }
}

#[test]
fn the_largest_component_is_as_its_source_states() {
    match locate("cpf-cora", &Search::from_environment(None, Vec::new())) {
        Ok(path) => {
            let options = ReadOptions { largest_component: true, ..ReadOptions::default() };
            let largest = read(&path, &options).unwrap().graph;
            assert_eq!(largest.nodes(), 2485);
            assert_eq!(largest.class_names.len(), 7);
        }
        Err(error) => eyas_tests::skip(error),
    }
}

#[test]
fn a_random_split_has_its_sizes_and_depends_on_the_seed_only() {
    let graph = cora();
    let first = split::random(&graph, 20, 500, 1000, 1).unwrap();
    assert_eq!([first.train.len(), first.tune.len(), first.test.len()], [140, 500, 1000]);
    assert_eq!(first, split::random(&graph, 20, 500, 1000, 1).unwrap());
    assert_ne!(first, split::random(&graph, 20, 500, 1000, 2).unwrap());
    let labels = graph.labels.as_ref().unwrap();
    for class in 0..7 {
        assert_eq!(first.train.iter().filter(|&&node| labels[node] == class).count(), 20);
    }
    assert_eq!(split::random(&graph, 2000, 500, 1000, 1).unwrap_err().kind(), FaultKind::Split);
    assert_eq!(split::random(&graph, 20, usize::MAX, 1000, 1).unwrap_err().kind(), FaultKind::Split);
}

/// Mean counts of each class in tune and test over 40 random splits, compared with drawing without replacement from the
/// nodes outside train: within five standard errors.
fn check_class_shares(graph: &Graph, (per_class, tune, test): (usize, usize, usize)) {
    const SEEDS: u64 = 40;
    let labels = graph.labels.as_ref().unwrap();
    let mut left = vec![0usize; graph.classes];
    labels.iter().for_each(|&label| left[usize::from(label)] += 1);
    left.iter_mut().for_each(|nodes| *nodes -= per_class);
    let rest: usize = left.iter().sum();
    let splits: Vec<Split> =
        (0..SEEDS).map(|seed| split::random(graph, per_class, tune, test, seed).unwrap()).collect();
    for (part, drawn) in [("tune", tune), ("test", test)] {
        for (class, &nodes) in left.iter().enumerate() {
            let of = |split: &Split| {
                let ids = if part == "tune" { &split.tune } else { &split.test };
                ids.iter().filter(|&&node| usize::from(labels[node]) == class).count()
            };
            let mean = splits.iter().map(of).sum::<usize>() as f64 / SEEDS as f64;
            let (share, drawn) = (nodes as f64 / rest as f64, drawn as f64);
            let spread = drawn * share * (1.0 - share) * (rest as f64 - drawn) / (rest as f64 - 1.0);
            let (expected, error) = (drawn * share, (spread / SEEDS as f64).sqrt());
            let name = &graph.name;
            assert!((mean - expected).abs() <= 5.0 * error, "{name}, {part}, class {class}: {mean}, not {expected}");
        }
    }
}

#[test]
fn random_splits_do_not_starve_rare_classes() {
    check_class_shares(&cora(), (20, 500, 1000));
    for name in ["amazon-photo", "coauthor-cs"] {
        match locate(name, &Search::from_environment(None, Vec::new())) {
            Ok(path) => check_class_shares(&Graph::load(&path).unwrap(), (20, 450, 1000)),
            Err(error) => eyas_tests::skip(error),
        }
    }
}

/// Cora as it ships, and a recipe that takes a fifth of its test nodes out.
fn shipped() -> (Recipe, Data) {
    let text = "[data]\nsource = \"data/cora.npz\"\ninductive_share = 0.2\n[[teacher]]\nkind = \"gcn\"\n";
    let recipe = Recipe::parse(text, &root().join("models/cora/r.toml")).unwrap();
    let data = Run::new(recipe.clone()).data().unwrap();
    (recipe, data)
}

#[test]
fn an_inductive_split_takes_out_test_nodes_only() {
    let (recipe, data) = shipped();
    let evaluations = data.evaluations(&recipe, &[3, 4]).unwrap();
    let names: Vec<_> = evaluations.iter().map(|it| (it.name.as_str(), it.seed)).collect();
    assert_eq!(names, [("transductive", 3), ("transductive", 4), ("inductive", 3), ("inductive", 4)]);
    let (whole, inductive) = (&evaluations[0], &evaluations[2]);
    assert_eq!((inductive.unseen.len(), inductive.observed.len()), (200, 800));
    assert_eq!((&inductive.split.train, &inductive.split.tune), (&whole.split.train, &whole.split.tune));
    assert_eq!(inductive.split.test, inductive.unseen);
    let mut all = [&inductive.unseen[..], &inductive.observed].concat();
    all.sort_unstable();
    assert_eq!(all, whole.split.test);
    assert_ne!(inductive.unseen, evaluations[3].unseen, "each seed draws its own");
    for share in [0.0, 1.0, -1.0, f64::NAN, 0.0001] {
        assert_eq!(split::unseen("cora", &whole.split.test, share, 3).unwrap_err().kind(), FaultKind::Split);
    }
}

#[test]
fn the_data_hash_does_not_see_test_labels_and_sees_everything_else() {
    let (recipe, data) = shipped();
    let split = data.evaluations(&recipe, &[1]).unwrap().remove(0).split;
    let hash = data.hash(&split, &[]);
    let with_labels = |change: &dyn Fn(&mut Vec<u16>)| {
        let Truth::Classes { mut labels, names } = data.truth.clone() else { panic!("Cora has classes") };
        change(&mut labels);
        Data { truth: Truth::Classes { labels, names }, ..data.clone() }
    };
    let shuffled = with_labels(&|labels| {
        let mut moved: Vec<u16> = split.test.iter().map(|&node| labels[node]).collect();
        moved.rotate_left(17);
        split.test.iter().zip(moved).for_each(|(&node, label)| labels[node] = label);
    });
    assert_ne!(shuffled.truth, data.truth);
    assert_eq!(shuffled.hash(&split, &[]), hash);

    let label = with_labels(&|labels| labels[split.tune[0]] ^= 1).hash(&split, &[]);
    let Matrix::Sparse(mut features) = data.x.clone() else { panic!("features of a graph are sparse") };
    features.data_mut()[5] = 2.0;
    let feature = Data { x: Matrix::Sparse(features), ..data.clone() }.hash(&split, &[]);
    let part = Split { test: split.test[1..].to_vec(), ..split.clone() };
    let Truth::Classes { labels, mut names } = data.truth.clone() else { panic!("Cora has classes") };
    names[0].push('x');
    let name = Data { truth: Truth::Classes { labels, names }, ..data.clone() }.hash(&split, &[]);
    for other in [label, feature, data.hash(&part, &[]), name] {
        assert_ne!(other, hash);
    }
    assert_eq!(Data { name: "other".into(), ..data.clone() }.hash(&split, &[]), hash);
}

#[test]
fn a_missing_data_set_is_told_with_places_origin_and_citation() {
    let search = Search { data_dir: Some("nowhere".into()), ..Search::default() };
    let error = locate("citeseer", &search).unwrap_err();
    assert_eq!(error.kind(), FaultKind::NotFound);
    let message = error.to_string();
    for part in ["nowhere", "kimiyoung/planetoid", "ICML 2016", "--data-dir", "EYAS_DATA"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let message = locate("citeser", &search).unwrap_err().to_string();
    assert!(message.contains("did you mean citeseer?"), "{message}");
    assert!(locate("./absent.npz", &search).unwrap_err().to_string().contains("correct the path"));
}

#[test]
fn data_sets_are_found_by_name_and_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"").unwrap();
        path
    };
    let search = Search { data_dir: Some(folder.path().to_path_buf()), ..Search::default() };
    let plain = file("pubmed.npz");
    assert_eq!(locate("pubmed", &search).unwrap(), plain);
    let nested = file("pubmed/pubmed.npz");
    assert_eq!(locate("pubmed", &search).unwrap(), nested);
    let graphs = file("graphs/pubmed/pubmed.npz");
    assert_eq!(locate("pubmed", &search).unwrap(), graphs);
    let cpf = file("graphs/cpf-cora/cora.npz");
    assert_eq!(locate("cpf-cora", &search).unwrap(), cpf);
    let own = file("sensors/nodes.csv");
    assert_eq!(locate("sensors", &search).unwrap(), own.parent().unwrap());
    let beside = Search { recipe_dirs: vec![folder.path().to_path_buf()], ..Search::default() };
    assert_eq!(locate("graphs/pubmed/pubmed.npz", &beside).unwrap(), graphs);
    let model = Search { recipe_dirs: vec![root().join("models/cora")], ..Search::default() };
    assert!(locate("cora", &model).unwrap().ends_with("models/cora/data/cora.npz"));
    let shipped = Search { repository: Some(root()), ..Search::default() };
    assert!(locate("cora", &shipped).unwrap().ends_with("models/cora/data/cora.npz"));
}

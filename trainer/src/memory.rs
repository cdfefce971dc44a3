//! The free memory of this machine, and the memory that a run will take.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::bounded::size;

/// Bytes that this process can still allocate: the minimum of the machine's free memory and the remainders of its
/// control groups and its address space. `None` if the system does not report them.
#[must_use]
pub fn available() -> Option<u64> {
    let machine = named(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:").map(|kilobytes| kilobytes << 10);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = left_of_groups(&groups, Path::new("/sys/fs/cgroup"));
    [machine, groups, left_of_addresses()].into_iter().flatten().min()
}

/// The remainder under `ulimit -v`.
fn left_of_addresses() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let most = named(&limits, "Max address space")?;
    let taken = named(&fs::read_to_string("/proc/self/status").ok()?, "VmSize:")? << 10;
    Some(most.saturating_sub(taken))
}

/// The smallest remainder of any control group of this process; droppable file pages count as free.
fn left_of_groups(groups: &str, mounted: &Path) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, most, taken, dropped) = match controllers {
            "" => (mounted.to_path_buf(), "memory.max", "memory.current", "inactive_file"),
            list if list.split(',').any(|name| name == "memory") => {
                let root = mounted.join("memory");
                (root, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            }
            _ => continue,
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let read = |name: &str| fs::read_to_string(root.join(group).join(name)).ok();
            // `max` is not a number and means no limit.
            let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
            let (Some(most), Some(taken)) = (number(most), number(taken)) else { continue };
            let dropped = read("memory.stat").and_then(|stat| named(&stat, dropped)).unwrap_or(0);
            let left = most.saturating_sub(taken.saturating_sub(dropped));
            least = Some(least.map_or(left, |least: u64| least.min(left)));
        }
    }
    least
}

/// The first number after a name at the start of a line.
fn named(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '\t'])))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The peak memory of a run, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The program and the data, once.
    pub data: u64,
    /// One training with everything that its seed keeps.
    pub job: u64,
    /// Trainings in parallel.
    pub jobs: u64,
}

/// A run that takes more memory than is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a run that fits the {} of memory that are free here, found one that takes about {} ({estimate}); {}",
    size(*.available), size(.estimate.total()), .estimate.remedy(*.available)
)]
pub struct TooLarge {
    /// The memory it takes.
    pub estimate: Estimate,
    /// The available memory, in bytes.
    pub available: u64,
}

impl Estimate {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.data.saturating_add(self.job.saturating_mul(self.jobs))
    }

    /// Refuses a run that takes more memory than is available; refuses none if that is unknown.
    ///
    /// # Errors
    /// [`TooLarge`] with both figures.
    pub fn check(&self, available: Option<u64>) -> Result<(), TooLarge> {
        match available {
            Some(available) if self.total() > available => Err(TooLarge { estimate: *self, available }),
            _ => Ok(()),
        }
    }

    fn remedy(&self, available: u64) -> String {
        match available.saturating_sub(self.data) / self.job.max(1) {
            0 => "choose narrower layers, less data, or a machine with more memory".to_owned(),
            fit => format!("give --threads {fit}"),
        }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for the data, {} for ", size(self.data), size(self.job))?;
        match self.jobs {
            1 => f.write_str("one training at a time"),
            jobs => write!(f, "each of {jobs} trainings side by side"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_group_counts_and_files_can_be_dropped() {
        let mounted = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = mounted.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/memory.max", "1000\n");
        write("a/memory.current", "900\n");
        write("a/memory.stat", "anon 300\nactive_file 1\ninactive_file 600\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "10\n");
        assert_eq!(left_of_groups("0::/a/b\n", mounted.path()), Some(700));
        write("a/b/memory.max", "60\n");
        assert_eq!(left_of_groups("0::/a/b\n", mounted.path()), Some(50));
        assert_eq!(left_of_groups("0::/elsewhere\n", mounted.path()), None);
        write("memory/c/memory.limit_in_bytes", "500\n");
        write("memory/c/memory.usage_in_bytes", "100\n");
        assert_eq!(left_of_groups("5:cpu:/c\n4:hugetlb,memory:/c\n", mounted.path()), Some(400));
    }

    #[test]
    fn a_run_that_does_not_fit_is_refused_with_what_does() {
        let estimate = Estimate { data: 1 << 30, job: 2 << 30, jobs: 4 };
        assert_eq!((estimate.total(), estimate.check(Some(9 << 30)), estimate.check(None)), (9 << 30, Ok(()), Ok(())));
        let text = estimate.check(Some(6 << 30)).unwrap_err().to_string();
        assert!(
            text.contains("the 6 GiB of memory") && text.contains("about 9 GiB") && text.ends_with("--threads 2"),
            "{text}"
        );
        let text = estimate.check(Some(2 << 30)).unwrap_err().to_string();
        assert!(text.ends_with("a machine with more memory"), "{text}");
        let endless = Estimate { data: 1, job: u64::MAX, jobs: 2 };
        assert!(endless.check(Some(u64::MAX - 1)).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_what_it_has() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}

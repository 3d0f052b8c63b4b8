//! How many commits lie between commits, for few pairs and for thousands.
//!
//! Few pairs are counted by git itself. For many the history is read once (`git rev-list --topo-order --parents`) and
//! walked here; both count what `git rev-list --count A..B` counts.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use futures_util::StreamExt as _;

use super::{Git, GitError, LOCAL_LIMIT};
use crate::domain::id::Commit;

/// Up to so many pairs git is asked for each.
const FEW: usize = 40;
/// So many are asked at the same time.
const AT_ONCE: usize = 4;

impl Git {
    /// For each pair how many commits the second has that the first has not (`None` = from the beginning). `None` where
    /// that cannot be counted, as for a commit that is not here.
    pub async fn counts(&self, pairs: &[(Option<Commit>, Commit)]) -> Vec<Option<usize>> {
        if pairs.len() > FEW {
            // What the history of all does not tell, as when one commit is missing, git may still tell of each.
            return match self.history_of(pairs).await {
                Ok(graph) => pairs.iter().map(|pair| graph.count(pair)).collect(),
                Err(_) => vec![None; pairs.len()],
            };
        }
        let counting = pairs.to_vec().into_iter().map(|(from, to)| async move {
            match from {
                Some(from) => self.count(&from, &to).await.ok(),
                None => self.count_all(&to).await.ok(),
            }
        });
        futures_util::stream::iter(counting)
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    /// How many commits the first has that the second has not, and the other way round.
    pub async fn apart(&self, one: &Commit, other: &Commit) -> Result<(usize, usize), GitError> {
        let range = format!("{one}...{other}");
        let arguments = [
            "rev-list",
            "--left-right",
            "--count",
            "--end-of-options",
            &range,
        ];
        let text = self.text(&arguments).await?;
        let mut numbers = text.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(left)), Some(Ok(right))) => Ok((left, right)),
            _ => Err(GitError::Answer(arguments.join(" "))),
        }
    }

    async fn count_all(&self, to: &Commit) -> Result<usize, GitError> {
        let arguments = ["rev-list", "--count", "--end-of-options", to.as_str()];
        let text = self.text(&arguments).await?;
        text.trim()
            .parse()
            .map_err(|_| GitError::Answer(arguments.join(" ")))
    }

    async fn history_of(&self, pairs: &[(Option<Commit>, Commit)]) -> Result<Graph, GitError> {
        let arguments = [
            "rev-list",
            "--topo-order",
            "--parents",
            "--ignore-missing",
            "--stdin",
        ];
        let mut input = String::new();
        for (from, to) in pairs {
            for commit in from.iter().chain([to]) {
                input.push_str(commit.as_str());
                input.push('\n');
            }
        }
        let output = self
            .run_with(&arguments, input.into_bytes(), LOCAL_LIMIT)
            .await?;
        if !output.status.success() {
            return Err(self.failure(&arguments, &output));
        }
        Ok(Graph::read(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// A history: commits by their place in an order in which no commit comes after its parents.
struct Graph {
    places: HashMap<String, usize>,
    parents: Vec<Vec<usize>>,
}

/// How far a walk has seen a commit.
const WANTED: u8 = 1;
const HIDDEN: u8 = 2;

impl Graph {
    fn read(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let hash = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let places: HashMap<String, usize> = lines
            .iter()
            .enumerate()
            .map(|(place, line)| (hash(line), place))
            .collect();
        let parents = lines
            .iter()
            .map(|line| line.split(' ').skip(1))
            .map(|parents| parents.filter_map(|parent| places.get(parent).copied()))
            .map(Iterator::collect)
            .collect();
        Self { places, parents }
    }

    /// Commits that `to` has and `from` has not. Every commit is looked at after all that come from it, so what is known
    /// of it then is final; the walk ends when only hidden ones are left.
    fn count(&self, (from, to): &(Option<Commit>, Commit)) -> Option<usize> {
        let mut walk = Walk::default();
        walk.reach(*self.places.get(to.as_str())?, WANTED);
        if let Some(from) = from {
            walk.reach(*self.places.get(from.as_str())?, HIDDEN);
        }
        let mut count = 0;
        while walk.open > 0 {
            let Reverse(place) = walk.queue.pop()?;
            let seen = walk.seen[&place];
            if seen & HIDDEN == 0 {
                walk.open -= 1;
                count += 1;
            }
            let mark = if seen & HIDDEN == 0 { WANTED } else { HIDDEN };
            for parent in &self.parents[place] {
                walk.reach(*parent, mark);
            }
        }
        Some(count)
    }
}

#[derive(Default)]
struct Walk {
    queue: BinaryHeap<Reverse<usize>>,
    seen: HashMap<usize, u8>,
    /// How many in the queue are wanted and not hidden.
    open: usize,
}

impl Walk {
    fn reach(&mut self, place: usize, mark: u8) {
        let seen = self.seen.entry(place).or_default();
        if *seen == 0 {
            self.queue.push(Reverse(place));
            self.open += usize::from(mark == WANTED);
        } else if mark == HIDDEN && *seen & HIDDEN == 0 {
            self.open -= 1;
        }
        *seen |= mark;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_counted_through_merges() {
        // e merges d and c; d and c come from b, b from a.
        let graph = Graph::read("e d c\nd b\nc b\nb a\na\n");
        let count =
            |from: Option<&str>, to: &str| graph.count(&(from.map(Commit::new), Commit::new(to)));
        assert_eq!(count(Some("a"), "e"), Some(4));
        assert_eq!(count(Some("d"), "e"), Some(2));
        assert_eq!(count(Some("e"), "d"), Some(0));
        assert_eq!(count(Some("c"), "d"), Some(1));
        assert_eq!(count(None, "e"), Some(5));
        assert_eq!(count(Some("x"), "e"), None);
    }
}

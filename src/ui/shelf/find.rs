//! Finding releases: what was typed, word by word, in tag, author and message at once, or in a file they touch.
//!
//! Every word has to be somewhere. Capital letters count when one is typed. Nothing is asked here: which releases touch
//! a file is told by whoever can ask git.

use std::collections::BTreeSet;

use crate::domain::catalog::{Catalog, Release};

/// The places in the catalog of the releases that fit, newest first; those of `by_file` fit as well.
pub fn matching(catalog: &Catalog, text: &str, by_file: &BTreeSet<String>) -> Vec<usize> {
    let exact = text.chars().any(char::is_uppercase);
    let words: Vec<&str> = text.split_whitespace().collect();
    let fits = |release: &Release| {
        let whole = format!("{}\n{}\n{}", release.tag, release.by, release.subject);
        let whole = if exact { whole } else { whole.to_lowercase() };
        words.iter().all(|word| whole.contains(word)) || by_file.contains(&release.tag)
    };
    let releases = catalog.releases.iter().enumerate();
    releases
        .filter(|(_, release)| fits(release))
        .map(|(at, _)| at)
        .collect()
}

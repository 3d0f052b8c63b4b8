//! The tags here, compared with those of the remote.
//!
//! The remote is asked once, for at most some seconds; one that does not answer is said to be so and hides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Past;
use crate::domain::catalog::truth::{TwoSides, tag_sentences};
use crate::domain::catalog::{Catalog, OnRemote, RemoteTags};
use crate::domain::id::Commit;
use crate::edge::git::GitError;
use crate::edge::git::releases::TagRef;
use crate::edge::git::remote::Tags;
use crate::edge::git::tags::Live;

/// How long the remote is waited for.
const REMOTE_PATIENCE: Duration = Duration::from_secs(6);

impl Past {
    /// The catalog, compared: the remote is asked while tags are read.
    pub async fn list_compared(&self) -> Result<Catalog, GitError> {
        let (catalog, there) = tokio::join!(self.list(), self.remote_tags());
        let mut catalog = catalog?;
        self.put_remote(&mut catalog, there).await;
        Ok(catalog)
    }

    /// The remote's tags, or why it could not be asked in some seconds; `None` = there is no remote.
    pub async fn remote_tags(&self) -> Option<Result<Tags, String>> {
        let remote = self.checklist.release.remote.as_deref()?;
        match self.git.has_remote(remote).await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error.to_string())),
        }
        let asked = tokio::time::timeout(REMOTE_PATIENCE, self.git.tags_on(remote)).await;
        Some(match asked {
            Ok(Ok(tags)) => Ok(tags),
            Ok(Err(error)) => Err(format!("{remote} could not be asked: {error}")),
            Err(_) => Err(format!(
                "{remote} did not answer in {} s",
                REMOTE_PATIENCE.as_secs()
            )),
        })
    }

    /// Compares the catalog's tags with those that the remote has.
    pub async fn put_remote(&self, catalog: &mut Catalog, there: Option<Result<Tags, String>>) {
        let rules = &self.checklist.release;
        let there = match there {
            None => {
                catalog.remote = RemoteTags::None;
                return;
            }
            Some(Err(why)) => {
                catalog.remote = RemoteTags::Failed(why);
                return;
            }
            Some(Ok(there)) => there,
        };
        let refs = match self.git.refs().await {
            Ok(refs) => refs,
            Err(error) => {
                catalog.remote = RemoteTags::Failed(error.to_string());
                return;
            }
        };
        let here: BTreeMap<&str, &TagRef> = refs
            .tags
            .iter()
            .map(|tag| (tag.name.as_str(), tag))
            .collect();
        for release in &mut catalog.releases {
            let Some(here) = here.get(release.tag.as_str()) else {
                continue;
            };
            release.remote = match there.get(&release.tag) {
                None => OnRemote::LocalOnly,
                Some(far) if far.object == here.object => OnRemote::Same,
                Some(_) => OnRemote::Differs,
            };
        }
        let pattern = self.pattern();
        let counts = |name: &&str| rules.live.as_deref() == Some(*name) || pattern.matches(name);
        let far = there.keys().map(String::as_str);
        let mut names: Vec<&str> = here.keys().copied().chain(far).filter(counts).collect();
        names.sort_unstable();
        names.dedup();
        let side = |tag: &Live| (tag.object.clone(), tag.commit.clone());
        let sides: Vec<TwoSides> = names
            .into_iter()
            .map(|name| TwoSides {
                name: name.to_owned(),
                here: here.get(name).map(|tag| {
                    let commit = tag.peeled.as_ref().unwrap_or(&tag.object);
                    (tag.object.clone(), Commit::new(commit.as_str()))
                }),
                there: there.get(name).map(side),
            })
            .collect();
        let remote = rules.remote.as_deref().unwrap_or_default();
        let differences = tag_sentences(&sides, rules.live.as_deref(), remote);
        catalog.troubles.extend(differences);
        catalog.remote = RemoteTags::Compared;
    }
}

//! Sessions that are no business of the launcher: a program that is sent to the shell of a host.
//!
//! They take their place in the connections as all sessions do, and fail at once when there is none and none can be made.
//! Nothing is installed for them.

use super::channel::channel;
use super::host::Host;
use super::master::Care;
use super::{Site, Sites};
use crate::domain::id::{EnvName, HostName};
use crate::edge::launcher::Channel;
use crate::port::LaunchError;

impl Sites {
    /// Starts `sh` on a host with a program and one word for it. The program holds no single quotes, and nothing that any
    /// login shell would touch inside of them. `Refused` = only somebody can mend it.
    pub(crate) async fn session(
        &self,
        place: &(EnvName, HostName),
        program: &str,
        word: &str,
    ) -> Result<Channel, LaunchError> {
        match self.planned.places.get(place).map(AsRef::as_ref) {
            Some(Site::Folder(folder)) => folder.session(program, word),
            Some(Site::Ssh(host)) => {
                host.session(&format!("exec sh -c '{program}' golive {word}"))
                    .await
            }
            None => Err(LaunchError::Refused {
                place: format!("{}/{}", place.0, place.1),
                why: "there is no way to it".to_owned(),
                help: None,
            }),
        }
    }
}

impl Host {
    /// A session with this command line.
    async fn session(&self, line: &str) -> Result<Channel, LaunchError> {
        match self.pool().open(line).await {
            Ok((lease, session)) => Ok(channel(lease, session, Care::Easing)),
            Err(failure) if failure.may_pass() => Err(self.unreachable(failure)),
            Err(failure) => Err(LaunchError::Refused {
                place: self.name().to_string(),
                why: failure.why,
                help: failure.help,
            }),
        }
    }
}

//! The rule of the end, against channels that say whatever they are told to.

use crate::domain::secret::Vault;
use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::domain::action::{CommandLine, Ending};
use crate::domain::run::Identity;

/// A place whose channels are scripted: standard output and standard error of each.
struct Scripted {
    channels: Mutex<VecDeque<(Vec<u8>, String)>>,
    asked: Mutex<Vec<String>>,
    broken: Mutex<Vec<String>>,
}

impl Scripted {
    fn new(channels: &[(&[u8], &str)]) -> Self {
        Self {
            channels: Mutex::new(
                channels
                    .iter()
                    .map(|(out, err)| (out.to_vec(), (*err).to_owned()))
                    .collect(),
            ),
            asked: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap().clone()
    }
}

impl Channels for Scripted {
    async fn open(&self, request: &Request) -> Result<Channel, LaunchError> {
        let verb = request
            .line()
            .rsplit_once(".sh ")
            .map_or("hello", |(_, words)| words)
            .to_owned();
        self.asked
            .lock()
            .unwrap()
            .push(verb.split(request.id()).collect());
        let (out, err) = self.channels.lock().unwrap().pop_front().unwrap();
        Ok(Channel {
            stdin: Box::new(tokio::io::sink()),
            stdout: Box::new(std::io::Cursor::new(out)),
            stderr: Box::new(std::io::Cursor::new(err.into_bytes())),
            exit: Box::pin(std::future::ready(Some(0))),
            keep: None,
        })
    }

    fn name(&self) -> String {
        "web1".to_owned()
    }

    async fn broken(&self, why: &str, _: u32) -> Result<(), LaunchError> {
        self.broken.lock().unwrap().push(why.to_owned());
        Ok(())
    }
}

/// Takes up to a limit.
struct Log {
    bytes: Vec<u8>,
    limit: usize,
}

impl Sink for Log {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }
}

fn log() -> Log {
    Log {
        bytes: Vec::new(),
        limit: usize::MAX,
    }
}

fn launch() -> Launch {
    Launch {
        run: RunId::new("r"),
        task: TaskId::new("t"),
        attempt: Attempt(1),
        place: None,
        identity: Identity {
            host: "h".to_owned(),
            boot: "b".to_owned(),
        },
        command: CommandLine {
            script: "true".to_owned(),
            cwd: None,
            env: [].into(),
            record: false,
            secrets: Vec::new(),
        },
        secrets: Vault::default(),
        timeout_s: None,
        grace_s: 5,
        fence: None,
    }
}

fn begin(offset: u64) -> String {
    let launch = launch();
    let id = super::super::file_name(&launch.run, &launch.task, launch.attempt);
    format!("\ngolive:out {id} {offset}\n")
}

const ENDED: &str = "\ngolive:exited rc=0 why=- size=5 up=1 left=0 .\n";
const DONE: Standing = Standing::Ended {
    ending: Ending::Exited(0),
    size: 5,
};

#[tokio::test]
async fn the_noise_of_a_login_shell_is_not_output() {
    let out = format!("welcome!\ngolive:out other 0\n{}a\nb\0c", begin(0));
    let place = Scripted::new(&[(out.as_bytes(), &format!("stty: no terminal{ENDED}"))]);
    let mut log = log();
    let standing = start(&place, &launch(), &Base::Home, &mut log).await;
    assert_eq!(
        (standing, log.bytes.as_slice()),
        (Ok(DONE), b"a\nb\0c".as_slice())
    );
    assert_eq!(place.broken(), Vec::<String>::new());
}

#[tokio::test]
async fn a_channel_that_ends_without_a_trailer_is_followed_from_what_was_received() {
    let (first, second, third) = (
        format!("{}ab", begin(0)),
        format!("{}cd", begin(2)),
        format!("{}e", begin(4)),
    );
    let place = Scripted::new(&[
        (first.as_bytes(), ""),
        (b"", "ssh: the master is gone\n"),
        (second.as_bytes(), "\ngolive:running size=4 .\n"),
        (third.as_bytes(), ENDED),
    ]);
    let mut log = log();
    let standing = start(&place, &launch(), &Base::Home, &mut log).await;
    assert_eq!(
        (standing, log.bytes.as_slice()),
        (Ok(DONE), b"abcde".as_slice())
    );
    assert_eq!(place.asked()[1..], ["follow  2", "follow  2", "follow  4"]);
    assert_eq!(place.broken()[1], "ssh: the master is gone");
}

#[tokio::test]
async fn a_trailer_before_the_last_byte_is_not_the_end() {
    let (first, second) = (format!("{}abc", begin(0)), format!("{}de", begin(3)));
    let place = Scripted::new(&[(first.as_bytes(), ENDED), (second.as_bytes(), ENDED)]);
    let mut log = log();
    let standing = start(&place, &launch(), &Base::Home, &mut log).await;
    assert_eq!(
        (standing, log.bytes.as_slice()),
        (Ok(DONE), b"abcde".as_slice())
    );
}

#[tokio::test]
async fn bytes_that_are_gone_for_ever_do_not_hold_the_run() {
    let (first, rest) = (format!("{}abc", begin(0)), begin(3));
    let gone = (rest.as_bytes(), ENDED);
    let place = Scripted::new(&[(first.as_bytes(), ENDED), gone, gone, gone, gone]);
    let standing = start(&place, &launch(), &Base::Home, &mut log()).await;
    assert_eq!(
        standing,
        Ok(Standing::Ended {
            ending: Ending::Exited(0),
            size: 3
        })
    );
}

#[tokio::test]
async fn a_launch_that_did_not_arrive_is_sent_again() {
    let none = "\ngolive:none size=0 .\n";
    let out = format!("{}abcde", begin(0));
    let place = Scripted::new(&[(b"", ""), (b"", none), (out.as_bytes(), ENDED)]);
    let standing = start(&place, &launch(), &Base::Home, &mut log()).await;
    assert_eq!(standing, Ok(DONE));
    assert_eq!(
        place.asked(),
        [
            "start  b h 0 5 0 2 1 -",
            "follow  0",
            "start  b h 0 5 0 2 1 -"
        ]
    );
}

#[tokio::test]
async fn a_refusal_after_a_lost_launch_leaves_the_end_unknown() {
    let refused = "\ngolive:error code=66 the machine was restarted .\n";
    let place = Scripted::new(&[(b"", ""), (b"", "\ngolive:none size=0 .\n"), (b"", refused)]);
    let standing = start(&place, &launch(), &Base::Home, &mut log()).await;
    assert_eq!(
        standing,
        Ok(Standing::Unknown("the machine was restarted".to_owned()))
    );
    let place = Scripted::new(&[(b"", refused)]);
    let standing = start(&place, &launch(), &Base::Home, &mut log()).await;
    assert!(
        matches!(standing, Err(LaunchError::Refused { .. })),
        "{standing:?}"
    );
}

#[tokio::test]
async fn a_full_disk_on_this_side_ends_the_following() {
    let out = format!("{}abcde", begin(0));
    let place = Scripted::new(&[(out.as_bytes(), ENDED)]);
    let mut log = Log {
        bytes: Vec::new(),
        limit: 3,
    };
    let error = start(&place, &launch(), &Base::Home, &mut log)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("could not be kept on this machine"),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_left_behind_child_prints_counts_as_output() {
    let out = format!("{}abcdefg", begin(0));
    let place = Scripted::new(&[(out.as_bytes(), ENDED)]);
    let standing = start(&place, &launch(), &Base::Home, &mut log()).await;
    assert_eq!(
        standing,
        Ok(Standing::Ended {
            ending: Ending::Exited(0),
            size: 7
        })
    );
}

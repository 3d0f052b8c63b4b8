//! A place for tests whose programs were made ready before: they hold every moment that a real one passes through too
//! quickly to be met.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::watch;
use tokio::time::timeout;

use super::session::{Opens, broken};
use crate::edge::launcher::Channel;
use crate::port::LaunchError;

/// A place whose programs were made ready before.
pub(super) struct Ready {
    pub(super) programs: Mutex<VecDeque<Program>>,
    /// What each was asked.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    /// How many bytes were taken of all.
    pub(super) taken: watch::Sender<usize>,
}

/// A program that says these words and prints these bytes, and more when it is asked to end.
#[derive(Default)]
pub(super) struct Program {
    pub(super) words: &'static str,
    pub(super) printed: Vec<u8>,
    /// What it says when all that it printed was taken.
    pub(super) then: &'static str,
    pub(super) more: Vec<Vec<u8>>,
    /// The connection breaks when all that was printed.
    pub(super) breaks: bool,
    /// It prints this twice a second, until nobody listens.
    pub(super) never_rests: Option<&'static str>,
    /// It does not end when it is asked to.
    pub(super) hangs: bool,
}

impl Ready {
    pub(super) fn with(programs: impl IntoIterator<Item = Program>) -> Self {
        Self {
            programs: Mutex::new(programs.into_iter().collect()),
            asked: Arc::default(),
            taken: watch::Sender::new(0),
        }
    }
}

impl Opens for Ready {
    async fn open(&self, _: &str) -> Result<Channel, LaunchError> {
        let next = self.programs.lock().unwrap().pop_front();
        let next = next.ok_or_else(|| broken(self, "no more programs"))?;
        Ok(next.run(Arc::clone(&self.asked), self.taken.subscribe()))
    }

    fn name(&self) -> String {
        "web1".to_owned()
    }
}

impl Program {
    fn run(self, all_asked: Arc<Mutex<Vec<String>>>, mut taken: watch::Receiver<usize>) -> Channel {
        let begin = "\ngolive:begin .\n";
        let (stdin, mut asked) = duplex(1 << 20);
        let (mut out, stdout) = duplex(1 << 20);
        let (mut say, stderr) = duplex(1 << 20);
        tokio::spawn(async move {
            let mut first = vec![0; 400];
            asked.read_exact(&mut first).await.unwrap();
            let first = String::from_utf8_lossy(&first).into_owned();
            all_asked.lock().unwrap().push(first);
            let words = format!("{begin}{}", self.words);
            say.write_all(words.as_bytes()).await.unwrap();
            out.write_all(begin.as_bytes()).await.unwrap();
            out.write_all(&self.printed).await.unwrap();
            while let Some(line) = self.never_rests {
                let _ = timeout(Duration::from_millis(500), std::future::pending::<()>()).await;
                if out.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            }
            if self.breaks {
                return;
            }
            if !self.then.is_empty() {
                let all = self.printed.len();
                taken.wait_for(|taken| *taken >= all).await.unwrap();
                say.write_all(self.then.as_bytes()).await.unwrap();
            }
            let _ = tokio::io::copy(&mut asked, &mut tokio::io::sink()).await;
            for piece in self.more {
                out.write_all(&piece).await.unwrap();
                out.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            if self.hangs {
                std::future::pending::<()>().await;
            }
        });
        Channel {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            exit: Box::pin(std::future::pending()),
            keep: None,
        }
    }
}

//! The demo's hosts: embedded SSH servers on loopback.
//!
//! One server is one host: a port on 127.0.0.1, a throw-away host key, one accepted client key, a home folder.
//! A host runs `exec` requests and nothing else: no terminal, no shell, no subsystem, no forwarding, no agent.
//! It knows nothing of checklists; what an exec does with its channel is in `exec`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{
    self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, Disconnect, MethodKind, MethodSet, Pty};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::exec::{self, Account};

/// How long a connection may take to say goodbye when its server ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a host could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No port could be bound.
    #[error("could not listen on 127.0.0.1 port {port} for host {host}")]
    Listen {
        /// The host's name.
        host: String,
        /// The port that was wanted; 0 = any.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What makes a host.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// The host's name, for messages and as its user's name.
    pub name: String,
    /// The folder every command starts in.
    pub home: PathBuf,
    /// The whole environment of every command; nothing of the operator's is added.
    pub environment: Vec<(String, OsString)>,
    /// The host's key.
    pub key: PrivateKey,
    /// The only client key that is let in.
    pub client: PublicKey,
    /// The port to listen on; 0 = any free one.
    pub port: u16,
}

/// A running host. Dropping it stops listening; [`SshServer::stop`] also says goodbye to its clients.
#[derive(Debug)]
pub struct SshServer {
    name: String,
    port: u16,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl SshServer {
    /// Starts a host and returns once it listens.
    pub async fn start(settings: HostSettings) -> Result<Self, ServerError> {
        let listen = |source| ServerError::Listen {
            host: settings.name.clone(),
            port: settings.port,
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))
            .await
            .map_err(listen)?;
        let port = listener.local_addr().map_err(listen)?.port();
        let config = Arc::new(server::Config {
            methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
            auth_rejection_time: Duration::from_millis(50),
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![settings.key],
            inactivity_timeout: None,
            nodelay: true,
            ..server::Config::default()
        });
        let account = Arc::new(Account {
            home: settings.home,
            environment: settings.environment,
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, config, account, settings.client, stopped));
        Ok(Self {
            name: settings.name,
            port,
            stop,
            task,
        })
    }

    /// The host's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops listening and ends every connection. Processes of the host are not touched.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(FAREWELL * 2, self.task).await;
    }
}

/// Accepts connections until the server is stopped or dropped.
async fn accept(
    listener: TcpListener,
    config: Arc<server::Config>,
    account: Arc<Account>,
    client: PublicKey,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let connection = Connection::new(account.clone(), client.clone());
                connections.spawn(serve(stream, config.clone(), connection, stopped.clone()));
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection until it ends or the server stops.
async fn serve(
    stream: TcpStream,
    config: Arc<server::Config>,
    connection: Connection,
    mut stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for a full packet; a step's round trip would cost 40 ms.
    let _ = stream.set_nodelay(true);
    let started = tokio::select! {
        started = server::run_stream(config, stream, connection) => started,
        _ = stopped.changed() => return,
    };
    let Ok(mut session) = started else { return };
    tokio::select! {
        _ = &mut session => {}
        _ = stopped.changed() => {
            let handle = session.handle();
            let _ = tokio::time::timeout(FAREWELL, async {
                let _ = handle
                    .disconnect(Disconnect::ByApplication, "the demo ends".to_owned(), String::new())
                    .await;
                let _ = session.await;
            })
            .await;
        }
    }
}

/// One client's connection: who may come in, and which requests are granted.
struct Connection {
    account: Arc<Account>,
    client: PublicKey,
    /// Channels that were opened and have not been asked for anything yet.
    waiting: HashMap<ChannelId, Channel<Msg>>,
}

impl Connection {
    fn new(account: Arc<Account>, client: PublicKey) -> Self {
        Self {
            account,
            client,
            waiting: HashMap::new(),
        }
    }

    fn judge(&self, offered: &PublicKey) -> Auth {
        if offered.key_data() == self.client.key_data() {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }
}

impl server::Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.judge(offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.judge(key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.waiting.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.waiting.remove(&channel);
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(opened) = self.waiting.remove(&channel) else {
            return session.channel_failure(channel);
        };
        match exec::start(&self.account, data) {
            Ok(child) => {
                session.channel_success(channel)?;
                tokio::spawn(exec::serve(child, opened, session.handle()));
                Ok(())
            }
            Err(_) => session.channel_failure(channel),
        }
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}

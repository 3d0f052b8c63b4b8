//! The folder of a demo: what lies where, its keys, its ports, and what an ssh client needs to know.
//!
//! `demo.json` holds what must stay the same when a kept demo is opened again: its id, its hosts, their ports. Keys lie
//! beside it. `ssh_config` and `known_hosts` are written anew each time, because a port may be taken by then.
//! Everything is readable by the owner only.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};
use serde::{Deserialize, Serialize};

use super::failure::DemoError;

/// The hosts of every demo, in the order of the checklist.
pub const HOSTS: [&str; 3] = ["staging", "web1", "web2"];

/// The client's key; its name in the folder of keys.
const CLIENT: &str = "client";

/// The version of `demo.json`.
const FORMAT: u32 = 1;

/// What stays the same when a kept demo is opened again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    format: u32,
    id: String,
    hosts: Vec<HostRecord>,
}

/// One host's part of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostRecord {
    /// Its name.
    pub name: String,
    /// The port its application is served on.
    pub app_port: u16,
    /// The port it was last reached on by SSH.
    pub ssh_port: u16,
}

/// A demo's folder.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
    record: Record,
}

impl Layout {
    /// Makes the folder (which must not exist or be empty), keys and ports.
    pub fn make(root: Option<&Path>) -> Result<Self, DemoError> {
        let id = random_id()?;
        let wanted = root.map_or_else(
            || std::env::temp_dir().join(format!("golive-demo-{id}")),
            Path::to_owned,
        );
        private_folder(&wanted)?;
        let root = canonical(&wanted)?;
        if root
            .read_dir()
            .map_err(DemoError::file(&root))?
            .next()
            .is_some()
        {
            return Err(DemoError::NotEmpty(root));
        }
        let hosts = HOSTS.iter().zip(free_ports()?);
        let hosts = hosts.map(|(name, app_port)| HostRecord {
            name: (*name).to_owned(),
            app_port,
            ssh_port: 0,
        });
        let record = Record {
            format: FORMAT,
            id,
            hosts: hosts.collect(),
        };
        let layout = Self { root, record };
        private_folder(&layout.keys())?;
        for name in HOSTS {
            private_folder(&layout.home(name))?;
            layout.make_key(name)?;
        }
        layout.make_key(CLIENT)?;
        private_folder(&layout.state_home())?;
        Ok(layout)
    }

    /// Reads the folder of a kept demo.
    pub fn open(root: &Path) -> Result<Self, DemoError> {
        let root = canonical(root)?;
        let path = root.join("demo.json");
        let text = fs::read_to_string(&path).map_err(|_| DemoError::NoDemo(root.clone()))?;
        let record: Record =
            serde_json::from_str(&text).map_err(|_| DemoError::NoDemo(root.clone()))?;
        if record.format != FORMAT {
            return Err(DemoError::NoDemo(root));
        }
        Ok(Self { root, record })
    }

    /// The mark of the demo's processes.
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// The hosts with their ports.
    pub fn hosts(&self) -> &[HostRecord] {
        &self.record.hosts
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The repository an operator works in.
    pub fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// Its bare remote.
    pub fn remote(&self) -> PathBuf {
        self.root.join("project.git")
    }

    /// Where built artifacts lie.
    pub fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// A host's home folder.
    pub fn home(&self, host: &str) -> PathBuf {
        self.root.join("hosts").join(host)
    }

    /// Where golive's own runs are kept.
    pub fn state_home(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The configuration for `ssh -F`.
    pub fn ssh_config(&self) -> PathBuf {
        self.root.join("ssh_config")
    }

    /// A folder with `golive` in it, for the hosts' `PATH`.
    pub fn programs(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// The file that is locked while the demo's servers run.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// A host's own key.
    pub fn host_key(&self, host: &str) -> Result<PrivateKey, DemoError> {
        let path = self.keys().join(host);
        PrivateKey::read_openssh_file(&path).map_err(|_| DemoError::Key(path))
    }

    /// The public half of the key that is let in.
    pub fn client_key(&self) -> Result<PublicKey, DemoError> {
        Ok(self.host_key(CLIENT)?.public_key().clone())
    }

    /// Puts `golive` into the hosts' `PATH`.
    pub fn link_program(&self, program: &Path) -> Result<(), DemoError> {
        let folder = self.programs();
        private_folder(&folder)?;
        let link = folder.join("golive");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(program, &link).map_err(DemoError::file(&link))
    }

    /// Notes the ports the hosts are reached on, and writes what ssh clients read.
    pub fn note_ports(&mut self, ports: &[u16]) -> Result<(), DemoError> {
        for (host, port) in self.record.hosts.iter_mut().zip(ports) {
            host.ssh_port = *port;
        }
        let mut config = format!(
            "# Written by golive demo; used with ssh -F.\nHost {}\n  HostName 127.0.0.1\n  User demo\n  \
             IdentityFile \"{}\"\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
             UserKnownHostsFile \"{}\"\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  \
             UpdateHostKeys no\n  CheckHostIP no\n  PreferredAuthentications publickey\n",
            HOSTS.join(" "),
            self.keys().join(CLIENT).display(),
            self.root.join("known_hosts").display(),
        );
        let mut known = String::new();
        for host in &self.record.hosts {
            let HostRecord { name, ssh_port, .. } = host;
            let key = self.host_key(name)?;
            let key = key
                .public_key()
                .to_openssh()
                .map_err(|_| DemoError::Key(self.keys()))?;
            let port = ssh_port.to_string();
            config.extend([
                "Host ",
                name,
                "\n  Port ",
                &port,
                "\n  HostKeyAlias ",
                name,
                "\n",
            ]);
            known.extend([name, " ", &key, "\n"]);
        }
        write(&self.ssh_config(), config.as_bytes())?;
        write(&self.root.join("known_hosts"), known.as_bytes())?;
        let record = serde_json::to_vec_pretty(&self.record)
            .expect("invariant: a record of strings and numbers is always JSON");
        write(&self.root.join("demo.json"), &record)
    }

    fn make_key(&self, name: &str) -> Result<(), DemoError> {
        let path = self.keys().join(name);
        let mut seed = [0; 32];
        random(&mut seed)?;
        let pair = KeypairData::from(Ed25519Keypair::from_seed(&seed));
        let key = PrivateKey::new(pair, format!("golive demo {name}"))
            .map_err(|_| DemoError::Key(path.clone()))?;
        let text = key
            .to_openssh(LineEnding::LF)
            .map_err(|_| DemoError::Key(path.clone()))?;
        write(&path, text.as_bytes())
    }
}

/// Writes a file that only its owner can read, in one step.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(DemoError::file(&new))?;
    file.write_all(bytes).map_err(DemoError::file(&new))?;
    fs::rename(&new, path).map_err(DemoError::file(path))
}

/// Makes a folder, with those above it, that only its owner can enter.
pub(super) fn private_folder(path: &Path) -> Result<(), DemoError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(DemoError::file(path))
}

/// The folder's true path; it is written into shell, ssh and TOML files, so some characters are refused.
fn canonical(path: &Path) -> Result<PathBuf, DemoError> {
    let true_path = path.canonicalize().map_err(DemoError::file(path))?;
    let plain = true_path
        .to_str()
        .is_some_and(|text| !text.contains(|c: char| c.is_control() || "\"'\\:%$`".contains(c)));
    if plain {
        Ok(true_path)
    } else {
        Err(DemoError::Path(true_path))
    }
}

/// The ports that applications of a demo get. Below the ports that systems lend to outgoing connections (from
/// 32768): such a connection must not take one between its choice and the start of the application.
const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// A port for each host's application that is free now; all are held until all are chosen.
fn free_ports() -> Result<Vec<u16>, DemoError> {
    let mut held = Vec::new();
    while held.len() < HOSTS.len() {
        held.push(hold_port()?);
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

/// A random port of [`PORTS`] that nobody listens on, held by listening on it.
fn hold_port() -> Result<(u16, TcpListener), DemoError> {
    let mut last = None;
    for _ in 0..200 {
        let mut bytes = [0; 2];
        random(&mut bytes)?;
        let port = PORTS.start + u16::from_le_bytes(bytes) % (PORTS.end - PORTS.start);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok((port, listener)),
            Err(error) => last = Some(error),
        }
    }
    let none = || std::io::Error::other("no port was tried");
    Err(DemoError::Port(last.unwrap_or_else(none)))
}

/// Eight random bytes as a name.
fn random_id() -> Result<String, DemoError> {
    let mut bytes = [0; 8];
    random(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

fn random(bytes: &mut [u8]) -> Result<(), DemoError> {
    let source = Path::new("/dev/urandom");
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(bytes))
        .map_err(DemoError::file(source))
}

//! Launching on real OpenSSH servers.
use crate::support::fleet::Fleet;
use std::process::Command;

#[test]
fn a_fleet_answers() {
    let at = std::time::Instant::now();
    let n = std::env::var("N").map_or(4, |n| n.parse().unwrap());
    let fleet = Fleet::up(n);
    println!("up {:?}", at.elapsed());
    for host in fleet.hosts() {
        let out = Command::new("ssh")
            .arg("-F")
            .arg(fleet.config())
            .arg(&host.name)
            .arg("hostname; pwd; echo $HOME; ls -la ~")
            .output()
            .unwrap();
        println!(
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        assert!(out.status.success());
    }
    let at = std::time::Instant::now();
    drop(fleet);
    println!("down {:?}", at.elapsed());
}

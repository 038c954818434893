//! `outrigger dev` as a person meets it: it says when it is ready, Ctrl-C ends everything, and what is in the way is named.

// Helpers of tests may unwrap only where this says that they are.
#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A run directory that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    Folder(std::env::temp_dir().join(format!("outrigger-cli-{name}-{}", std::process::id())))
}

fn dev(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outrigger"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).arg("dev").arg("--run-dir").arg(&folder.0);
    command.args(["--no-zipkin"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Asks how what runs in this folder is.
fn look(folder: &Folder) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outrigger"));
    command.args(["status", "--run-dir"]).arg(&folder.0).output().unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Reads until the line that says that all is ready.
fn until_ready(child: &mut Child) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for line in lines {
        seen.push(line.unwrap());
        if seen.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
            return;
        }
    }
    panic!("it ended before it was ready: {seen:#?}");
}

fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// The processes whose command line names this folder.
fn running_in(folder: &Folder) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&*folder.0.to_string_lossy()) {
            found.push(line);
        }
    }
    found
}

fn soon(what: &str, condition: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < until, "not within a minute: {what}");
        std::thread::yield_now();
    }
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn ctrl_c_ends_everything_and_a_killed_launcher_leaves_nothing_either() {
    let folder = folder("end");
    let port = free_port().to_string();
    for end in ["-INT", "-KILL", "-TERM"] {
        let mut child = dev(&folder, &["--parts-only", "--jobs", "--port", &port]).spawn().unwrap();
        until_ready(&mut child);
        for part in ["postgres", "scheduler"] {
            assert!(running_in(&folder).iter().any(|line| line.contains(part)), "{:?}", running_in(&folder));
        }
        let found = look(&folder);
        assert!(found.status.success() && String::from_utf8_lossy(&found.stdout).contains("postgres"), "{found:?}");
        let mode = std::fs::metadata(folder.0.join("suite.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "tokens are their owner's");
        signal(child.id(), end);
        let status = child.wait().unwrap();
        assert_eq!(status.success(), end != "-KILL", "{end}: {status}");
        soon("every part has ended", || running_in(&folder).is_empty());
        let gone = refused(&look(&folder));
        assert!(gone.contains("nothing runs in") && gone.contains("outrigger dev"), "{end}: {gone}");
    }
}

#[test]
fn what_is_in_the_way_is_named() {
    let folder = folder("named");
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = refused(&dev(&folder, &["--parts-only", "--port", &port]).output().unwrap());
    assert!(error.contains(&port) && error.contains("front door"), "{error}");

    let error = refused(&dev(&folder, &["--replicas", "ghost=2"]).output().unwrap());
    assert!(error.contains("ghost") && error.contains("reminders"), "{error}");

    let error = refused(&dev(&folder, &["--components", "rabbit"]).output().unwrap());
    assert!(error.contains("local, kafka and cloud"), "{error}");

    let error = refused(&dev(&folder, &["--parts-only", "--port", "0"]).env("PATH", "/nonexistent").output().unwrap());
    assert!(error.contains("run-local.sh"), "{error}");
}

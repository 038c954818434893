//! Ports of this machine: free ones that no other stack takes, and stated ones that must be free.

use std::fs::{File, OpenOptions, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, bail};

/// Below the range from which systems draw ports of outgoing connections (32768 on Linux), so that no client sits on one.
const FIRST: u16 = 20_000;
const BLOCK: u16 = 200;
const BLOCKS: u16 = 60;

/// A block of ports that is this stack's until it is dropped.
#[derive(Debug)]
pub(crate) struct FreePorts {
    next: u16,
    end: u16,
    /// Holds the block against other stacks; the system lets go of it when the process ends, however it ends.
    _held: File,
}

impl FreePorts {
    /// Takes the first block that no other stack holds.
    pub fn take() -> Result<Self> {
        let folder = std::env::temp_dir().join("outrigger-ports");
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        // Any user may take a block; whose folder it is must not matter.
        let _ = std::fs::set_permissions(&folder, Permissions::from_mode(0o1777));
        for block in 0..BLOCKS {
            let path = folder.join(block.to_string());
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            // A file of another user is a block in that user's hands.
            let Ok(file) = file else { continue };
            let _ = file.set_permissions(Permissions::from_mode(0o666));
            if file.try_lock().is_ok() {
                let next = FIRST + block * BLOCK;
                return Ok(Self { next, end: next + BLOCK, _held: file });
            }
        }
        bail!("all {BLOCKS} blocks of ports are taken by other stacks; stop one of them")
    }

    /// The next port of the block that nothing listens on.
    pub fn give(&mut self) -> Result<u16> {
        while self.next < self.end {
            let port = self.next;
            self.next += 1;
            if is_free(port) {
                return Ok(port);
            }
        }
        bail!("no free port is left between {} and {}; start fewer replicas", self.end - BLOCK, self.end)
    }
}

/// Whether nothing listens on this port of the loopback interface.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A stated port, or an error that names who needs it and what to do.
pub(crate) fn stated(port: u16, part: &str) -> Result<u16> {
    if is_free(port) {
        return Ok(port);
    }
    bail!(
        "port {port}, which {part} listens on, is taken by another program; stop that program (`ss -ltnp 'sport = :{port}'` names it) or state another port"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_stacks_never_share_a_port() {
        let mut one = FreePorts::take().unwrap();
        let mut other = FreePorts::take().unwrap();
        let ours: Vec<u16> = (0..50).map(|_| one.give().unwrap()).collect();
        assert!((0..50).map(|_| other.give().unwrap()).all(|port| !ours.contains(&port)));
    }

    #[test]
    fn an_occupied_port_is_named_with_the_part_that_needs_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = stated(port, "tasks").unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("tasks"), "{error}");
    }
}

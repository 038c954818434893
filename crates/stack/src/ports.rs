//! Ports of this machine: free ones that no other stack takes, and stated ones that must be free.

use std::fmt;
use std::net::TcpListener;

use anyhow::{Result, bail};

/// Below the range from which systems draw ports of outgoing connections (32768 on Linux), so that no client sits on one.
const FIRST: u16 = 20_000;
const BLOCK: u16 = 200;
const BLOCKS: u16 = 60;

/// Where a server is, as its clients call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub host: &'static str,
    pub port: u16,
}

impl Address {
    /// On the loopback interface.
    pub fn local(port: u16) -> Self {
        Self { host: "127.0.0.1", port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// A block of ports that is this stack's until it is dropped.
#[derive(Debug)]
pub(crate) struct FreePorts {
    next: u16,
    end: u16,
    /// The block's last port, held against other stacks: ports are the machine's, whoever runs a stack and wherever their temporary files
    /// are. The system lets go of it when the process ends, however it ends.
    _held: TcpListener,
}

impl FreePorts {
    /// Takes the first block that no other stack holds.
    pub fn take() -> Result<Self> {
        for first in (0..BLOCKS).map(|block| FIRST + block * BLOCK) {
            let end = first + BLOCK - 1;
            if let Ok(held) = TcpListener::bind(("127.0.0.1", end)) {
                return Ok(Self { next: first, end, _held: held });
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
        bail!("no free port is left below {}; start fewer replicas", self.end)
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

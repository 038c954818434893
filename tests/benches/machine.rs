//! What Linux knows of a process and of this machine, from `/proc` (proc(5)).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use stack::Stack;

/// Linux counts CPU time in ticks of 10 ms (`USER_HZ` is 100 on every architecture we build for).
const TICK: Duration = Duration::from_millis(10);

/// The process id of a running part.
///
/// # Errors
/// When the part does not run.
pub fn pid(stack: &Stack, part: &str) -> Result<u32> {
    let text = std::fs::read_to_string(stack.run_dir().join("pids").join(part)).with_context(|| format!("{part} runs"))?;
    Ok(text.lines().next().unwrap_or_default().parse()?)
}

/// User and system time of a process.
///
/// # Errors
/// When it has gone.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; the fields after it do not.
    let fields = stat.rsplit_once(')').context("a stat line")?.1;
    let mut fields = fields.split_ascii_whitespace().skip(11).map(str::parse::<u32>);
    let ticks = fields.next().context("utime")?? + fields.next().context("stime")??;
    Ok(TICK * ticks)
}

/// User and system time of a process and of those that it started: of PostgreSQL's connections too.
///
/// # Errors
/// When it has gone.
pub fn cpu_with_children(pid: u32) -> Result<Duration> {
    let mut all = cpu(pid)?;
    for child in with_children(pid)?.into_iter().skip(1) {
        // One that has just ended has told its parent what it took.
        all += cpu(child).unwrap_or_default();
    }
    Ok(all)
}

/// User and system time of each part so far. What runs in this process has no process of its own.
///
/// # Errors
/// When a part has gone.
pub fn spent(stack: &Stack) -> Result<BTreeMap<String, Duration>> {
    let parts = stack.parts().into_iter().map(|(part, ..)| part);
    parts
        .filter_map(|part| Some((pid(stack, &part).ok()?, part)))
        .map(|(pid, part)| Ok((part, cpu_with_children(pid)?)))
        .collect()
}

/// A process and those that it started itself.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn with_children(pid: u32) -> Result<Vec<u32>> {
    let mut all = vec![pid];
    for entry in std::fs::read_dir("/proc")? {
        let Some(child) = entry?.file_name().to_string_lossy().parse::<u32>().ok() else { continue };
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<u32>().ok());
        all.extend(parent.filter(|parent| *parent == pid).map(|_| child));
    }
    Ok(all)
}

/// The time that all cores of this machine were busy, whoever with, since it started.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn busy() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let fields = stat.lines().next().context("a line of all cores")?.split_ascii_whitespace().skip(1);
    // User, nice, system, idle, waiting for a disk, interrupts, soft interrupts; what a host took away comes after them.
    let fields = fields.map(str::parse::<u32>).take(7).collect::<Result<Vec<_>, _>>()?;
    Ok(TICK * fields.iter().enumerate().filter(|(place, _)| ![3, 4].contains(place)).map(|(_, ticks)| ticks).sum::<u32>())
}

/// Proportional set size of a process in MB: pages that others map too count as its share of them.
///
/// # Errors
/// When it has gone.
pub fn pss(pid: u32) -> Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("a Pss line")?;
    let kib: f64 = line.split_ascii_whitespace().next().context("a number")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// The machine in general terms.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string(Path::new("/proc/meminfo")).unwrap_or_default();
    let kib =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_ascii_whitespace().next()?.parse::<u64>().ok());
    format!("{cores} shared virtual cores, {} GB of memory, {}", kib.unwrap_or_default() / 1_000_000, std::env::consts::ARCH)
}

/// How busy the machine was in the last minute.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace().next().unwrap_or("?").to_owned()
}

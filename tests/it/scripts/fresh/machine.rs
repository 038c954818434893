//! A machine that is new: made once of Debian's packages, and entered by each story as if nobody had been there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tests::recorder::{Scratch, is_roots, well};
use tests::suite::variable;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::workspace::root;

/// The machine as it is when new; another number when what is in it changes.
const MACHINE: &str = ".cache/outrigger/roots/bookworm-1";
/// What bash and others say when nobody has thought of it.
const NOISE: [&str; 6] = ["command not found", "unbound variable", ": line ", "No such file", "syntax error", "panicked"];

/// A new machine, which is gone with the test.
pub(super) struct Machine {
    scratch: Scratch,
    new: PathBuf,
    repository: String,
    commit: String,
}

impl Machine {
    /// None where nobody may make one, of which `scripts/test.sh` tells.
    pub(super) fn find() -> Result<Option<Self>> {
        if !is_roots() {
            return Ok(None);
        }
        let new = std::env::home_dir().context("HOME")?.join(MACHINE);
        if !new.is_dir() {
            well(Command::new("bash").args(["-c", "type -P mmdebstrap"]))
                .context("mmdebstrap is missing: scripts/test.sh installs it")?;
            well(Command::new(root()?.join(CLEAN_ROOT)).arg("make").arg(&new))?;
        }
        let git = |arguments: &[&str]| {
            Ok::<_, anyhow::Error>(well(Command::new("git").args(arguments).current_dir(root()?))?.trim().to_owned())
        };
        let repository = git(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
        Ok(Some(Self { scratch: Scratch::new()?, new, repository, commit: git(&["rev-parse", "HEAD"])? }))
    }

    /// Runs a program of bash's in a clone of what is committed.
    pub(super) fn enter(&self, options: &[String], program: &str) -> Result<Command> {
        let mut command = Command::new(root()?.join(CLEAN_ROOT));
        command.arg("enter").args([&self.new, &self.scratch.0]).arg(&self.repository).args(options);
        command.args(["bash", "-c", &format!("{CLONE}{program}"), "bash", &self.commit]);
        Ok(command)
    }

    /// What a file is afterwards that was written there.
    pub(super) fn written(&self, path: &str) -> PathBuf {
        self.scratch.path("over/root").join(path)
    }

    /// Each script's line, run one after the other: how it ended and what it said.
    pub(super) fn run(&self, options: &[String], lines: &[String]) -> Result<Vec<Said>> {
        std::fs::write(self.scratch.path("lines"), lines.join("\n") + "\n")?;
        well(self.enter(options, EACH)?.stdin(std::fs::File::open(self.scratch.path("lines"))?))?;
        let read =
            |at: usize, what: &str| Ok::<_, anyhow::Error>(std::fs::read_to_string(self.written(&format!("said/{at}.{what}")))?);
        let said = lines.iter().enumerate().map(|(at, line)| {
            let (status, out, err) = (read(at, "status")?, read(at, "out")?, read(at, "err")?);
            for noise in NOISE {
                ensure!(!out.contains(noise) && !err.contains(noise), "{line}: {out}{err}");
            }
            Ok(Said { line: line.clone(), status: status.trim().parse()?, out, err })
        });
        said.collect()
    }

    /// Every file that is new or another, but for the clone and what was said.
    pub(super) fn changed(&self) -> Result<BTreeSet<String>> {
        let (top, mut changed, mut open) = (self.written(""), BTreeSet::new(), vec![self.written("")]);
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path.strip_prefix(&top)?.display().to_string();
                if path.is_dir() && !path.is_symlink() {
                    if !["said", "root/outrigger", "dev"].contains(&name.as_str()) {
                        open.push(path);
                    }
                } else if !GIVEN.contains(&name.as_str()) {
                    changed.insert(name);
                }
            }
        }
        Ok(changed)
    }
}

pub(super) struct Said {
    pub(super) line: String,
    pub(super) status: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// It ended with one error of these words, and nothing came before it but a list of what is missing.
    pub(super) fn refuses(&self, words: &str) -> Result<()> {
        let last = self.err.lines().last().unwrap_or_default();
        let others = self.err.lines().filter(|line| !line.starts_with("missing: ")).count();
        ensure!(self.status == 1 && others == 1 && last.starts_with("error: ") && last.contains(words), "{self}");
        Ok(())
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ended with {}: {}{}", self.line, self.status, self.out, self.err)
    }
}

const CLEAN_ROOT: &str = "tests/it/scripts/clean-root.sh";
/// What the machine is given when it is entered.
const GIVEN: [&str; 2] = ["etc/resolv.conf", "etc/apt/apt.conf.d/offline"];

const CLONE: &str = r#"
set -euo pipefail
git clone --quiet --no-checkout /origin /root/outrigger
cd /root/outrigger
git checkout --quiet "$1"
"#;

const EACH: &str = r#"
mkdir /said
number=0
while IFS= read -r line; do
  status=0
  bash -c "$line" </dev/null >/said/$number.out 2>/said/$number.err || status=$?
  echo "$status" >/said/$number.status
  number=$((number + 1))
done
"#;

/// Where this machine's Rust and Go are.
pub(super) fn toolchain(option: &str) -> Result<[String; 2]> {
    let (program, asked) = if option == "--rust" { ("rustc", ["--print", "sysroot"]) } else { ("go", ["env", "GOROOT"]) };
    Ok([option.to_owned(), well(Command::new(program).args(asked))?.trim().to_owned()])
}

/// What documents ask for, with what this machine has downloaded: Cargo's archives, Go's modules and what Go has compiled, Maven's archives.
pub(super) fn documented() -> Result<Vec<String>> {
    let home = std::env::home_dir().context("HOME")?;
    let go = |what: &str| Ok::<_, anyhow::Error>(PathBuf::from(well(Command::new("go").args(["env", what]))?.trim()));
    let cargo = variable("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let caches = [
        (cargo.join("registry"), "/root/.cargo/registry"),
        (go("GOMODCACHE")?, "/root/go/pkg/mod"),
        (go("GOCACHE")?, "/root/.cache/go-build"),
        (home.join(".m2"), "/root/.m2"),
    ];
    let mut options = [toolchain("--rust")?, toolchain("--go")?].concat();
    options.extend(caches.iter().flat_map(|(from, to)| ["--cache".to_owned(), from.display().to_string(), (*to).to_owned()]));
    Ok(options)
}

/// What a person starts and ends, each time with a line of its status, what still runs, and what is left in the clone and in /tmp, where Java
/// keeps a folder of its own.
pub(super) const LAUNCH: &str = r#"
set -m
while IFS= read -r line; do
  bash -c "exec $line" </dev/null 2>&1 &
  read -r _ || true
  kill -INT $!
  status=0
  wait $! || status=$?
  left=""
  for process in /proc/[0-9]*; do
    [[ $process == /proc/$$ ]] || left+=" $(tr '\0' ' ' 2>/dev/null <"$process/cmdline")"
  done
  echo "ended with $status, left:$left; clone:$(git status --porcelain); temporary:$(ls -A --ignore=hsperfdata_root /tmp)"
done
"#;

/// What a launcher is told, and what it says.
pub(super) struct Launcher {
    child: Child,
    tell: Option<ChildStdin>,
    says: Lines<BufReader<ChildStdout>>,
}

impl Launcher {
    pub(super) fn start(command: Command) -> Result<Self> {
        let mut command = tokio::process::Command::from(command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let (tell, says) = (child.stdin.take(), child.stdout.take().context("what it says")?);
        Ok(Self { child, tell, says: BufReader::new(says).lines() })
    }

    pub(super) async fn tell(&mut self, line: &str) -> Result<()> {
        let tell = self.tell.as_mut().context("it was told everything")?;
        Ok(tell.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// All lines up to the one that begins so.
    pub(super) async fn until(&mut self, words: &str, patience: Duration) -> Result<Vec<String>> {
        let mut said = Vec::new();
        let reached = timeout(patience, async {
            while let Some(line) = self.says.next_line().await? {
                let last = line.starts_with(words);
                ensure!(!line.starts_with("error: "), "{line}");
                ensure!(!NOISE.iter().any(|noise| line.contains(noise)), "noise: {line}");
                said.push(line);
                if last {
                    return Ok(());
                }
            }
            bail!("it ended")
        });
        let reached = reached.await.unwrap_or_else(|_| bail!("not within {patience:?}"));
        reached.with_context(|| format!("no line \"{words}\" after {:#?}", &said[said.len().saturating_sub(20)..]))?;
        Ok(said)
    }
}

impl Drop for Launcher {
    /// The first process of the namespace ends all others in it, before the one above it hears of that.
    fn drop(&mut self) {
        let above = self.child.id().unwrap_or_default();
        let first = std::fs::read_to_string(format!("/proc/{above}/task/{above}/children")).unwrap_or_default();
        for process in first.split_whitespace() {
            let _ = Command::new("kill").args(["-KILL", process]).status();
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
    }
}

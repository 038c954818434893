//! What may be in an image: one program that is nobody's root, and no secret. The images are archives that the test writes, as Docker does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::archive::{Layers, save};
use uuid::Uuid;

use super::{Scratch, root, said};

/// The beginning of a program: a scanner of texts passes it over.
const PROGRAM: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0";

/// What the Dockerfile says of an image.
fn well_made() -> Value {
    json!({ "User": "65532:65532", "Entrypoint": ["/app"], "Labels": labels("0.1.0", "one") })
}

fn labels(version: &str, revision: &str) -> Value {
    json!({
        "org.opencontainers.image.title": "outrigger/tasks",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": revision,
    })
}

/// With the real home, where the scanner is kept: it is built once a machine.
fn script(name: &str, arguments: &[&Path]) -> Result<Output> {
    Ok(Command::new(root()?.join("scripts").join(name)).args(arguments).output()?)
}

/// The lines of an inspection, and whether it passed.
fn inspected(scratch: &Scratch, config: &Value, files: Layers<'_>) -> Result<(bool, String)> {
    let archive = scratch.path("tasks.tar");
    save(&archive, "ghcr.io/somebody/tasks:one", config, files)?;
    std::fs::remove_dir_all(scratch.path("tasks.d"))?;
    let output = script("inspect-images.sh", &[Path::new("--most"), Path::new("1"), &archive])?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Seen red: each of the script's six questions taken out.
#[test]
fn contract_an_image_that_is_more_than_one_small_program_of_nobodys_is_refused() -> Result<()> {
    let scratch = Scratch::new()?;
    let app: &[(&str, &[u8])] = &[("app", PROGRAM)];
    let (passed, words) = inspected(&scratch, &well_made(), &[app])?;
    ensure!(passed && words.starts_with("ok    ghcr.io/somebody/tasks:one  0.0 MB"), "{words}");

    let refused = |config: &Value, layers: Layers<'_>, why: &str| -> Result<()> {
        let (passed, words) = inspected(&scratch, config, layers)?;
        // This, and nothing else.
        ensure!(!passed && words.lines().count() == 1 && words.contains(why), "not \"{why}\": {words}");
        Ok(())
    };
    refused(&well_made(), &[app, &[("bin/sh", PROGRAM)]], "holds 2 files: app bin/sh")?;
    let noise: Vec<u8> = (0..80_000).flat_map(|_| Uuid::new_v4().into_bytes()).collect();
    refused(&well_made(), &[&[("app", &noise)]], "has more than 1 MB")?;
    for (key, value, why) in [
        ("User", json!(""), "runs as 'root'"),
        ("User", json!("0:0"), "runs as '0:0'"),
        ("Entrypoint", json!(["/bin/sh"]), "starts '/bin/sh'"),
        ("Labels", labels("0.1.0", "two"), "says it is 'two', and its tag is one"),
        ("Labels", labels("0.1.0", ""), "says it is '', and its tag is one"),
        ("Labels", labels("unknown", "one"), "says it is version 'unknown'"),
    ] {
        let mut config = well_made();
        config[key] = value;
        refused(&config, &[app], why)?;
    }
    Ok(())
}

/// Seen red: the words of programs not looked at, the last layer alone, no configuration, no `--redact`.
#[test]
fn contract_a_secret_is_found_in_a_program_in_a_hidden_layer_and_in_what_an_image_says() -> Result<()> {
    let scratch = Scratch::new()?;
    let canary = format!("ghp_{}{}", Uuid::new_v4().simple(), &Uuid::new_v4().simple().to_string()[..4]);
    let line = format!("token = \"{canary}\"\n").into_bytes();
    let program = [PROGRAM, &line[..], b"\0\0"].concat();
    let mut telling = well_made();
    telling["Env"] = json!([format!("TOKEN={canary}")]);

    let images: [(&str, &Value, Layers<'_>); 4] = [
        ("clean", &well_made(), &[&[("app", PROGRAM)]]),
        ("program", &well_made(), &[&[("app", &program)]]),
        // Deleted by the layer above, and still sent to everyone.
        ("hidden", &well_made(), &[&[("root/.netrc", &line)], &[("root/.wh..netrc", b"")]]),
        ("telling", &telling, &[&[("app", PROGRAM)]]),
    ];
    for (name, config, layers) in images {
        let folder = scratch.path(name);
        std::fs::create_dir(&folder)?;
        let archive: PathBuf = folder.join("image.tar");
        save(&archive, "tasks:one", config, layers)?;
        let output = script("scan-secrets.sh", &[Path::new("--files"), &archive])?;
        let words = said(&output);
        ensure!(output.status.success() == (name == "clean"), "{name}: {words}");
        ensure!(name == "clean" || words.contains("github-pat"), "{name}: {words}");
        ensure!(!words.contains(&canary), "{name}: the scan shows what it found");
    }
    Ok(())
}

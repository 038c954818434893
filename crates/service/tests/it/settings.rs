//! Settings: a bad one is named before anything starts, and what is in force can be shown.

use std::process::{Command, Output};

use crate::ground::probe;

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(probe()).args(arguments).env_clear().envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn every_bad_setting_is_named_and_the_process_ends_with_64() {
    let output = run(&[], &[("APP_PORT", "http"), ("DRAIN_SECONDS", "-1"), ("PROBE_DEPTH", "deep"), ("APP_HOST", "here")]);
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    for name in ["APP_PORT", "DRAIN_SECONDS", "PROBE_DEPTH", "APP_HOST"] {
        assert!(said.contains(name), "{said}");
    }
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[test]
fn an_unknown_argument_is_a_bad_start_too() {
    assert_eq!(run(&["serve"], &[]).status.code(), Some(64));
}

#[test]
fn the_settings_in_force_are_shown_without_secrets() {
    let output = run(&["--settings"], &[("APP_PORT", "7999"), ("APP_API_TOKEN", "hunter2")]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("APP_PORT=7999 #") && said.contains("(environment)"), "{said}");
    assert!(said.contains("PROBE_DEPTH=3 #") && said.contains("(default)"), "{said}");
    assert!(said.contains("APP_API_TOKEN=***") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&[], &[("APP_PORT", &port)]);
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8(output.stdout).unwrap().contains(&format!("APP_PORT {port}")));
}

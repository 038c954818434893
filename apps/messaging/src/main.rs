//! Starts the process, nothing else.

fn main() -> std::process::ExitCode {
    service::main::<messaging::Messaging>()
}

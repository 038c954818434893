//! Starts the process, nothing else.

fn main() -> std::process::ExitCode {
    service::main::<realtime::Realtime>()
}

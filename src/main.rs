//! The `golive` binary: everything is in the library, so that tests can drive it.

fn main() -> std::process::ExitCode {
    if let Some(code) = golive::app::demo::application::from_command_line() {
        return code;
    }
    std::process::ExitCode::SUCCESS
}

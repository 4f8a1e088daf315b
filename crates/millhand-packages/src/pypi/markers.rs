//! What conditions in requirements (`; sys_platform == "win32"`) see: Python as Pyodide has it in a browser.

use pep440_rs::VersionParseError;
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

use crate::pyodide::LockInfo;

/// The environment of the runtime that `info` describes.
///
/// # Errors
///
/// When its version of Python is none.
pub(crate) fn environment_of(info: &LockInfo) -> Result<MarkerEnvironment, VersionParseError> {
    let mut parts = info.python.split('.');
    let minor = [parts.next().unwrap_or_default(), parts.next().unwrap_or_default()].join(".");
    MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &info.python,
        os_name: "posix",
        platform_machine: &info.arch,
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Emscripten",
        platform_version: "",
        python_full_version: &info.python,
        python_version: &minor,
        sys_platform: "emscripten",
    })
}

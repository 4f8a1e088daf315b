//! The file name of a wheel: which package it is, and where it runs. What is in one is read in `pypi::contents`.

use std::fmt;
use std::str::FromStr;

use crate::pyodide::LockInfo;
use crate::specifier::PackageName;

/// `numpy-2.2.5-cp313-cp313-pyodide_2025_0_wasm32.whl`, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WheelName {
    file_name: String,
    /// The distribution as the file name spells it.
    distribution: String,
    version: String,
    python_tags: Vec<String>,
    abi_tags: Vec<String>,
    platform_tags: Vec<String>,
}

impl WheelName {
    /// The package.
    pub(crate) fn package(&self) -> PackageName {
        PackageName::normalised(&self.distribution)
    }

    /// The package's version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The whole file name.
    pub(crate) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The module that the package most likely holds.
    pub(crate) fn top_level_module(&self) -> String {
        self.package().as_str().replace('-', "_")
    }

    /// Whether the wheel can run on the runtime that `info` describes.
    pub(crate) fn runs_on(&self, info: &LockInfo) -> bool {
        let runtime = RuntimeTags::of(info);
        self.platform_tags.iter().any(|tag| runtime.platforms.contains(tag))
            && self.python_tags.iter().any(|tag| runtime.runs_python(tag, &self.abi_tags))
    }

    /// Whether it is made of Python alone, and so runs anywhere.
    pub(crate) fn is_pure(&self) -> bool {
        self.abi_tags == ["none"] && self.platform_tags == ["any"]
    }

    /// The part of the file name that says where it runs.
    pub(crate) fn tags(&self) -> String {
        format!("{}-{}-{}", self.python_tags.join("."), self.abi_tags.join("."), self.platform_tags.join("."))
    }
}

impl fmt::Display for WheelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file_name)
    }
}

impl FromStr for WheelName {
    type Err = WheelNameError;

    /// Reads `name-version[-build]-python-abi-platform.whl`.
    fn from_str(file_name: &str) -> Result<Self, WheelNameError> {
        let malformed = || WheelNameError { file_name: file_name.to_owned() };
        let stem = file_name.strip_suffix(".whl").filter(|_| is_safe_file_name(file_name));
        let parts: Vec<&str> = stem.ok_or_else(malformed)?.split('-').collect();
        let (distribution, version, tags) = match parts[..] {
            [distribution, version, python, abi, platform]
            | [distribution, version, _, python, abi, platform] => {
                (distribution, version, [python, abi, platform])
            }
            _ => return Err(malformed()),
        };
        if parts.iter().any(|part| part.is_empty())
            || PackageName::normalised(distribution).as_str().is_empty()
        {
            return Err(malformed());
        }
        let [python_tags, abi_tags, platform_tags] =
            tags.map(|set| set.split('.').map(str::to_owned).collect());
        Ok(Self {
            file_name: file_name.to_owned(),
            distribution: distribution.to_owned(),
            version: version.to_owned(),
            python_tags,
            abi_tags,
            platform_tags,
        })
    }
}

/// A file name that no wheel has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{file_name}` is no wheel's file name")]
pub struct WheelNameError {
    /// What was read.
    pub file_name: String,
}

/// Whether `name` can stand in a url's path and on disk as it is: no separator, nothing to escape.
pub(crate) fn is_safe_file_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+!~".contains(c);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.chars().all(allowed)
}

/// The tags that a runtime accepts.
struct RuntimeTags {
    platforms: Vec<String>,
    /// 13 for Python 3.13.
    minor: u32,
}

impl RuntimeTags {
    fn of(info: &LockInfo) -> Self {
        let platform = |name: &str| format!("{name}_{}", info.arch);
        let platforms = vec![
            "any".to_owned(),
            platform(&format!("pyodide_{}", info.abi_version)),
            platform(&format!("pyemscripten_{}", info.abi_version)),
        ];
        let minor = info.python.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0);
        Self { platforms, minor }
    }

    /// `py3` and `py3N` run on any later 3.x, `cp3N` on its own, and on later ones with the stable ABI.
    fn runs_python(&self, tag: &str, abi_tags: &[String]) -> bool {
        if tag == "py3" {
            return true;
        }
        let minor_after = |prefix| tag.strip_prefix(prefix).and_then(|minor: &str| minor.parse::<u32>().ok());
        if let Some(minor) = minor_after("py3") {
            return minor <= self.minor;
        }
        let stable = abi_tags.iter().any(|abi| abi == "abi3");
        minor_after("cp3").is_some_and(|minor| minor == self.minor || (stable && minor < self.minor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(file_name: &str) -> WheelName {
        file_name.parse().unwrap()
    }

    fn info() -> LockInfo {
        serde_json::from_str(
            r#"{"abi_version":"2025_0","arch":"wasm32","platform":"emscripten_4_0_9","python":"3.13.2"}"#,
        )
        .unwrap()
    }

    #[test]
    fn name_version_and_module_are_read() {
        let wheel = wheel("opencv_python-4.11.0.86-cp313-cp313-pyodide_2025_0_wasm32.whl");
        assert_eq!(wheel.package().as_str(), "opencv-python");
        assert_eq!(wheel.version(), "4.11.0.86");
        assert_eq!(wheel.top_level_module(), "opencv_python");
        assert_eq!(wheel.tags(), "cp313-cp313-pyodide_2025_0_wasm32");
    }

    #[test]
    fn wheels_of_this_abi_run() {
        for name in [
            "a-1-cp313-cp313-pyodide_2025_0_wasm32.whl",
            "a-1-cp313-cp313-pyemscripten_2025_0_wasm32.whl",
            "a-1-cp313-none-pyodide_2025_0_wasm32.whl",
            "a-1-cp310-abi3-pyodide_2025_0_wasm32.whl",
            "a-1-1-py3-none-any.whl",
            "a-1-py2.py3-none-any.whl",
            "a-1-py310-none-any.whl",
        ] {
            assert!(wheel(name).runs_on(&info()), "{name}");
        }
    }

    #[test]
    fn other_wheels_do_not_run() {
        for name in [
            "a-1-cp312-cp312-pyodide_2024_0_wasm32.whl",
            "a-1-cp313-cp313-pyodide_2024_0_wasm32.whl",
            "a-1-cp312-cp312-pyodide_2025_0_wasm32.whl",
            "a-1-cp313-cp313-manylinux_2_28_x86_64.whl",
            "a-1-py2-none-any.whl",
            "a-1-py314-none-any.whl",
        ] {
            assert!(!wheel(name).runs_on(&info()), "{name}");
        }
    }

    #[test]
    fn what_is_no_wheel_is_refused() {
        for name in [
            "",
            "a.whl",
            "a-1-py3-none-any.zip",
            "../a-1-py3-none-any.whl",
            "-1-py3-none-any.whl",
            "é-1-py3-none-any.whl",
        ] {
            assert!(name.parse::<WheelName>().is_err(), "{name}");
        }
    }
}

//! Any text, as a specifier of a Python package.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millhand_packages::PythonRequirement;

fuzz_target!(|text: &str| {
    if let Ok(requirement) = text.parse::<PythonRequirement>() {
        assert_eq!(requirement.to_string().parse(), Ok(requirement));
    }
});

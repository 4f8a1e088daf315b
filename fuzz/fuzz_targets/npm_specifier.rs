//! Any text, as a specifier of an npm package.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millhand_packages::NpmSpecifier;

fuzz_target!(|text: &str| {
    if let Ok(specifier) = text.parse::<NpmSpecifier>() {
        assert_eq!(specifier.to_string().parse(), Ok(specifier));
    }
});

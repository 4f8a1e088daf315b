//! What a WebAssembly module imports and exports, read from its sections.

/// The outside of a WebAssembly module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outside {
    /// The modules it imports from, each once.
    pub(crate) imports: Vec<String>,
    /// The names of its exports.
    pub(crate) exports: Vec<String>,
}

const MAGIC: &[u8] = b"\0asm\x01\0\0\0";
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;

/// Reads the outside; `None` if it is no WebAssembly module, or of a kind that is not known here.
pub(crate) fn outside(bytes: &[u8]) -> Option<Outside> {
    let mut outside = Outside::default();
    let mut rest = Bytes(bytes.strip_prefix(MAGIC)?);
    while let Some(id) = rest.byte() {
        let mut section = Bytes(rest.take()?);
        match id {
            IMPORTS => {
                for _ in 0..section.number()? {
                    let module = section.name()?;
                    section.name()?;
                    section.skip_type()?;
                    if !outside.imports.contains(&module) {
                        outside.imports.push(module);
                    }
                }
            }
            EXPORTS => {
                for _ in 0..section.number()? {
                    outside.exports.push(section.name()?);
                    section.byte()?;
                    section.number()?;
                }
            }
            _ => {}
        }
    }
    Some(outside)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// LEB128.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Bytes behind their number.
    fn take(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn name(&mut self) -> Option<String> {
        String::from_utf8(self.take()?.to_vec()).ok()
    }

    /// Skips the kind of an import, and what it says of it.
    fn skip_type(&mut self) -> Option<()> {
        match self.byte()? {
            0 => drop(self.number()?),
            1 => {
                self.byte()?;
                self.skip_limits()?;
            }
            2 => self.skip_limits()?,
            3 | 4 => {
                self.byte()?;
                self.number()?;
            }
            _ => return None,
        }
        Some(())
    }

    fn skip_limits(&mut self) -> Option<()> {
        let has_maximum = self.byte()? & 1 == 1;
        self.number()?;
        if has_maximum {
            self.number()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_exports_are_read() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(
            b"\x02\x10\x02\x01a\x01f\x00\x00\x01a\x01m\x02\x01\x01\x80\x02\x07\x07\x01\x03run\x00\x01",
        );
        let expected = Outside { imports: vec!["a".into()], exports: vec!["run".into()] };
        assert_eq!(outside(&bytes), Some(expected));
    }

    #[test]
    fn other_files_are_told_from_it() {
        for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\x02\x7f", b"\0asm\x01\0\0\0\x02\x01\x05"] {
            assert_eq!(outside(bytes), None, "{bytes:?}");
        }
    }
}

//! The file of an image, of which `js/src/image/file.ts` knows what is in it: here it is read no further than its index.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

const SIZE_BYTES: usize = size_of::<u32>();

/// An image as the browser hands it over, with its index read.
#[derive(Debug)]
pub(super) struct ImageFile<'content> {
    pub(super) key: String,
    /// Why it is but a pack, if it is one.
    pub(super) pack_because: Option<String>,
    content: &'content [u8],
}

/// What it says of its parts; sizes are in bytes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    key: String,
    libraries: Vec<Part>,
    files: Part,
    memory: Option<u64>,
    stdlib: Option<u64>,
    pack_because: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Part {
    bytes: u64,
}

impl<'content> ImageFile<'content> {
    /// Reads the index, and sees to it that its parts are all there is.
    pub(super) fn read(content: &'content [u8]) -> Result<Self, ImageFileError> {
        let (size, rest) = content.split_first_chunk::<SIZE_BYTES>().ok_or(ImageFileError::CutOff)?;
        let size = usize::try_from(u32::from_le_bytes(*size)).map_err(|_| ImageFileError::CutOff)?;
        let (index, parts) = rest.split_at_checked(size).ok_or(ImageFileError::CutOff)?;
        let index: Index = serde_json::from_slice(index)?;
        let libraries = index.libraries.iter().map(|part| part.bytes);
        let others = [Some(index.files.bytes), index.memory, index.stdlib];
        let bytes = libraries.chain(others.into_iter().flatten()).fold(0_u64, u64::saturating_add);
        if bytes != parts.len() as u64 {
            return Err(ImageFileError::OtherSize { expected: bytes, found: parts.len() as u64 });
        }
        Ok(Self { key: index.key, pack_because: index.pack_because, content })
    }

    /// As pages get it.
    pub(super) fn compress(&self) -> io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(self.content)?;
        encoder.finish()
    }
}

/// Why what a browser handed over is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageFileError {
    /// It ends within its index.
    #[error("the image ends within its index")]
    CutOff,
    /// Its index is not what it should be.
    #[error("the index of the image cannot be read")]
    Index(#[from] serde_json::Error),
    /// There is more or less of it than the index says.
    #[error("the parts of the image have {found} bytes, and {expected} by its index")]
    OtherSize {
        /// What the index says.
        expected: u64,
        /// What there is.
        found: u64,
    },
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use serde_json::json;

    use super::*;

    fn file(index: &serde_json::Value, parts: &[u8]) -> Vec<u8> {
        let index = index.to_string();
        let size = u32::try_from(index.len()).unwrap().to_le_bytes();
        [&size[..], index.as_bytes(), parts].concat()
    }

    fn index(memory: Option<u64>) -> serde_json::Value {
        json!({
            "key": "k",
            "libraries": [{"path": "/a.so", "handles": [], "bytes": 2}],
            "files": {"index": [["/b.py", 0, 3]], "bytes": 3},
            "memory": memory,
            "stdlib": null,
            "packBecause": memory.is_none().then_some("it is"),
        })
    }

    #[test]
    fn the_index_is_read_and_the_whole_is_compressed() {
        let content = file(&index(Some(4)), b"aabbbcccc");
        let image = ImageFile::read(&content).unwrap();
        assert_eq!((image.key.as_str(), image.pack_because.as_deref()), ("k", None));
        let mut unpacked = Vec::new();
        GzDecoder::new(image.compress().unwrap().as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, content);
    }

    #[test]
    fn a_pack_says_why_it_is_one() {
        let content = file(&index(None), b"aabbb");
        assert_eq!(ImageFile::read(&content).unwrap().pack_because.as_deref(), Some("it is"));
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_refused() {
        let whole = file(&index(Some(4)), b"aabbbcccc");
        for length in 0..whole.len() {
            assert!(ImageFile::read(&whole[..length]).is_err(), "{length}");
        }
        let longer = [whole.as_slice(), b"d"].concat();
        let error = ImageFile::read(&longer).unwrap_err();
        assert_eq!(error.to_string(), "the parts of the image have 10 bytes, and 9 by its index");
    }

    #[test]
    fn sizes_that_add_up_to_more_than_there_can_be_are_refused() {
        assert!(ImageFile::read(&file(&index(Some(u64::MAX)), b"aabbb")).is_err());
    }
}

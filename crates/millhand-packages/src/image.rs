//! Images of Python environments that were made ahead, as the store has them: a file, and a record that says of what it is.
//!
//! What is in the file is the browser side's business, as is its key: a page takes the image whose key is the one that it wants.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::installer::PythonEnvironment;
use crate::manifest::PyodideJson;
use crate::store::{Store, StoreError, StoredFile};

/// Which image: the hash of all that one depends on which is known before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(Sha256);

impl ImageId {
    /// That of `environment`, which `request` came to.
    ///
    /// `maker` is the hash of what makes images: another one may make others.
    #[must_use]
    pub fn of(request: &PyodideJson, environment: &PythonEnvironment, maker: Sha256) -> Self {
        let files: Vec<_> =
            environment.files.iter().map(|file| (file.name.as_str(), file.stored.sha256)).collect();
        let text = serde_json::json!([maker, environment.version.to_string(), files, request.modules]);
        Self(Sha256::of(text.to_string().as_bytes()))
    }

    fn record(self) -> String {
        format!("images/{}.json", self.0)
    }
}

/// An image that was made ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonImage {
    /// What pages know it by.
    pub key: String,
    /// Its file.
    pub file: StoredFile,
}

impl PythonImage {
    /// Where it is served, beside the manifest.
    #[must_use]
    pub fn path(&self) -> String {
        // No name that hosts would take for one of a compressed file, and have browsers unpack.
        format!("files/{}/python.image", self.file.sha256)
    }
}

impl Store {
    /// The image, if the store has it. Its content is not read.
    ///
    /// # Errors
    ///
    /// When the record of it cannot be read.
    pub fn image(&self, id: ImageId) -> Result<Option<PythonImage>, StoreError> {
        let image: Option<PythonImage> = self.record_json(&id.record())?;
        // The file may have been pruned.
        Ok(image.filter(|image| self.find(image.file.sha256).is_some()))
    }

    /// Keeps an image, in place of the one before.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn keep_image(&self, id: ImageId, key: String, content: &[u8]) -> Result<PythonImage, StoreError> {
        let image = PythonImage { key, file: self.put(content)? };
        self.put_record_json(&id.record(), &image)?;
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Prune;

    fn id(text: &str) -> ImageId {
        ImageId(Sha256::of(text.as_bytes()))
    }

    #[test]
    fn an_image_is_found_by_what_it_is_of_until_its_file_is_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let kept = store.keep_image(id("a"), "key".to_owned(), b"content").unwrap();
        assert_eq!(store.image(id("a")).unwrap(), Some(kept.clone()));
        assert_eq!(store.image(id("b")).unwrap(), None);
        assert_eq!(store.read(kept.file.sha256).unwrap(), b"content");
        // Its record refers to it.
        assert_eq!(store.prune(Prune::Unreferenced).unwrap().files, 0);
        std::fs::remove_dir_all(store.folder().join("files")).unwrap();
        assert_eq!(store.image(id("a")).unwrap(), None);
    }
}

//! Images of Python environments, made ahead of the first visit.
//!
//! An image can be made by nothing but the runtime that will use it, which is a browser's. So an [`ImageMaker`] opens a browser of the
//! user's, without a window, on a page of ours: there the npm package makes the image as it would at a visit, and hands it over. The
//! store keeps it, and manifests name it.

mod browser;
mod file;
mod maker;

use std::fmt;
use std::sync::LazyLock;

use millhand_packages::{
    Environment, ImageId, Manifest, PyodideJson, PythonImage, RequestJson, Sha256, Store, StoreError,
};

pub use browser::{Browser, BrowserError};
pub use file::ImageFileError;
pub use maker::{ImageError, ImageMaker};

use crate::routes::package;

/// The Python of an environment, as something to make an image of.
#[derive(Clone, Debug)]
pub struct ImageSubject {
    id: ImageId,
    request: PyodideJson,
    manifest: Manifest,
}

impl ImageSubject {
    /// That of `environment`, which `request` came to; `None` if there is no Python in it.
    #[must_use]
    pub fn of(request: &RequestJson, environment: &Environment) -> Option<Self> {
        let (request, python) = (request.pyodide.clone()?, environment.python.as_ref()?);
        let id = ImageId::of(&request, python, *MAKER);
        let pyodide = Manifest::of(environment).pyodide;
        Some(Self { id, request, manifest: Manifest { esm: None, css: Vec::new(), pyodide } })
    }

    /// Which image it is.
    #[must_use]
    pub const fn id(&self) -> ImageId {
        self.id
    }

    /// Its image, if the store has it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn find(&self, store: &Store) -> Result<Option<PythonImage>, StoreError> {
        store.image(self.id)
    }
}

impl fmt::Display for ImageSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.request.modules.as_slice() {
            [] => formatter.write_str("Python alone"),
            modules => write!(formatter, "Python with `{}`", modules.join("`, `")),
        }
    }
}

/// The hash of the scripts that make images: other ones may make others of the same files.
static MAKER: LazyLock<Sha256> = LazyLock::new(|| {
    let is_maker = |path: &str| path == package::IMAGE_MAKER || path == package::IMAGE_BUILDER;
    let scripts = package::files().filter(|(path, _)| is_maker(path));
    Sha256::of(&scripts.flat_map(|(_, content)| content.into_owned()).collect::<Vec<u8>>())
});

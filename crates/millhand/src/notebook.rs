//! A notebook's pages: Markdown files of one folder, read anew whenever they are asked for.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use millhand_notebook::{Links, Page, PageError, Warning, parse};

use crate::routes::notebook::PageData;
use crate::shell;

/// Folders deeper than this are not looked into for pages.
const MAX_DEPTH: usize = 8;
/// A folder with more pages lists only so many.
const MAX_PAGES: usize = 5_000;

/// A folder with Markdown pages, or one of its pages.
#[derive(Clone, Debug)]
pub struct Notebook {
    folder: PathBuf,
    /// The page at `/`, without `.md`; otherwise the list of pages is there.
    start: Option<String>,
    /// What urls of pages end in.
    page_suffix: &'static str,
}

/// A page as it is now.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its parts.
    pub page: Page,
    /// Changes whenever the page does.
    pub version: String,
}

impl Notebook {
    /// A notebook of one file or of a folder.
    ///
    /// # Errors
    ///
    /// When it is missing, is no Markdown, or has no page in it.
    pub fn open(path: &Path) -> Result<Self, NotebookError> {
        let path_buf = || path.to_owned();
        let metadata =
            fs::metadata(path).map_err(|source| NotebookError::Unreadable { path: path_buf(), source })?;
        if metadata.is_dir() {
            let notebook = Self { folder: path.to_owned(), start: None, page_suffix: "" };
            return match notebook.pages().is_empty() {
                true => Err(NotebookError::NoPages { path: path_buf() }),
                false => Ok(notebook),
            };
        }
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".md"));
        let Some(name) = name else { return Err(NotebookError::NotMarkdown { path: path_buf() }) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { folder: folder.to_owned(), start: Some(name.to_owned()), page_suffix: "" })
    }

    /// The same, for a folder that any host can serve: pages are files whose names end in `.html`, and nobody compiles what is
    /// edited.
    #[must_use]
    pub fn exported(self) -> Self {
        Self { page_suffix: ".html", ..self }
    }

    /// A page's document, and what its author may not have meant.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or the page cannot be shown.
    pub fn html(&self, name: &str) -> Result<(String, Vec<Warning>), ReadError> {
        let Version { page, version } = self.read(name)?;
        let data = PageData { name, version: &version, exported: !self.page_suffix.is_empty(), page: &page };
        let has_list = self.start.is_none() && self.pages().len() > 1;
        let html = shell::page(&data, has_list);
        Ok((html, page.warnings))
    }

    /// The document that lists the pages.
    #[must_use]
    pub fn list_html(&self) -> String {
        shell::list(&self.pages(), self.page_suffix)
    }

    /// Where the pages are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The page at `/`.
    #[must_use]
    pub fn start(&self) -> Option<&str> {
        self.start.as_deref()
    }

    /// All pages, as their urls name them, sorted.
    #[must_use]
    pub fn pages(&self) -> Vec<String> {
        let mut pages = Vec::new();
        find_pages(&self.folder, "", MAX_DEPTH, &mut pages);
        pages.sort();
        pages
    }

    /// Whether there is a page of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.file(name).is_file()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.md"))
    }

    /// Reads a page. The name must be one that a url may ask for.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or the page cannot be shown.
    pub fn read(&self, name: &str) -> Result<Version, ReadError> {
        let text =
            fs::read(self.file(name)).map_err(|source| ReadError::File { name: name.to_owned(), source })?;
        let links = self.links()?;
        let file = format!("{}.md", name.rsplit('/').next().unwrap_or(name));
        let page = parse(&file, &String::from_utf8_lossy(&text), &links)?;
        Ok(Version { page, version: self.version(name) })
    }

    /// Changes whenever the page's file, or `links.json`, does. Cheap enough to be asked for often.
    #[must_use]
    pub fn version(&self, name: &str) -> String {
        let mut hasher = DefaultHasher::new();
        for path in [self.file(name), self.folder.join("links.json")] {
            let metadata = fs::metadata(path).ok();
            metadata.as_ref().map(fs::Metadata::len).hash(&mut hasher);
            metadata.and_then(|metadata| metadata.modified().ok()).hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }

    fn links(&self) -> Result<Links, ReadError> {
        let mut links = match fs::read(self.folder.join("links.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(ReadError::Links)?,
            Err(_) => Links::default(),
        };
        links.pages = Some(self.pages());
        links.page_suffix = self.page_suffix;
        Ok(links)
    }
}

fn find_pages(folder: &Path, prefix: &str, depth: usize, pages: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || name == "node_modules" || name == "target" || pages.len() >= MAX_PAGES {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            if depth > 0 {
                find_pages(&path, &format!("{prefix}{name}/"), depth - 1, pages);
            }
        } else if let Some(name) = name.strip_suffix(".md") {
            pages.push(format!("{prefix}{name}"));
        }
    }
}

/// Why there is no notebook.
#[derive(Debug, thiserror::Error)]
pub enum NotebookError {
    /// Missing, or not ours to read.
    #[error("cannot open `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Another kind of file.
    #[error("`{}` is no Markdown page: its name does not end in `.md`", path.display())]
    NotMarkdown {
        /// The path.
        path: PathBuf,
    },
    /// An empty notebook.
    #[error("the folder `{}` has no page: no file in it ends in `.md`", path.display())]
    NoPages {
        /// The path.
        path: PathBuf,
    },
}

impl NotebookError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("give a Markdown file, or a folder that has some".to_owned())
    }
}

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read the page `{name}`")]
    File {
        /// The page.
        name: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The page has a mistake.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The names of links cannot be read.
    #[error("`links.json` is not `{{\"api\": {{…}}, \"ext\": {{…}}}}`")]
    Links(#[source] serde_json::Error),
}

impl ReadError {
    /// The stable name of the failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "unreadable-page",
            Self::Page(error) => error.code(),
            Self::Links(_) => "bad-links",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Page(error) => error.hint(),
            Self::File { .. } | Self::Links(_) => None,
        }
    }
}

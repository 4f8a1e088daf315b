//! The file of a package that a specifier names, by its path or by the end of it.

use super::NpmId;

const MAX_NAMED: usize = 5;
/// How alike two paths must be for one to be a suggestion for the other.
const NEAR: f64 = 0.75;

/// The one of `files` that `wanted` names: the file at exactly that path, else the only one whose path ends with it.
///
/// # Errors
///
/// When there is none, or more than one.
pub fn find_file<'a>(
    id: &NpmId,
    files: impl IntoIterator<Item = &'a str> + Clone,
    wanted: &str,
) -> Result<&'a str, FileMatchError> {
    if let Some(exact) = files.clone().into_iter().find(|file| *file == wanted) {
        return Ok(exact);
    }
    let ends_with = |file: &&str| file.strip_suffix(wanted).is_some_and(|folder| folder.ends_with('/'));
    let mut candidates: Vec<&str> = files.clone().into_iter().filter(ends_with).collect();
    candidates.sort_unstable_by_key(|file| (file.len(), *file));
    match candidates[..] {
        [only] => Ok(only),
        [] => Err(FileMatchError::Unknown {
            id: id.clone(),
            wanted: wanted.to_owned(),
            nearest: nearest(files, wanted),
        }),
        _ => Err(FileMatchError::Ambiguous {
            id: id.clone(),
            wanted: wanted.to_owned(),
            count: candidates.len(),
            candidates: candidates.into_iter().take(MAX_NAMED).map(str::to_owned).collect(),
        }),
    }
}

/// Files of the same name come first, whatever their folder.
fn nearest<'a>(files: impl IntoIterator<Item = &'a str>, wanted: &str) -> Vec<String> {
    let name_of = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
    let wanted_name = wanted.rsplit('/').next().unwrap_or(wanted);
    let likeness = |file: &'a str| strsim::jaro_winkler(name_of(file), wanted_name);
    let mut near: Vec<(f64, &str)> = files
        .into_iter()
        .map(|file| (likeness(file), file))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1.len(), a.1).cmp(&(b.1.len(), b.1))));
    near.into_iter().take(MAX_NAMED).map(|(_, file)| file.to_owned()).collect()
}

/// Why a specifier names no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileMatchError {
    /// There is none.
    #[error("`{id}` has no file `{wanted}`")]
    Unknown {
        /// The package.
        id: NpmId,
        /// What was asked for.
        wanted: String,
        /// Files with similar names.
        nearest: Vec<String>,
    },
    /// There are several.
    #[error("`{id}` has {count} files that end with `{wanted}`")]
    Ambiguous {
        /// The package.
        id: NpmId,
        /// What was asked for.
        wanted: String,
        /// How many there are.
        count: usize,
        /// Some of them, the shortest first.
        candidates: Vec<String>,
    },
}

impl FileMatchError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "npm-file-unknown",
            Self::Ambiguous { .. } => "npm-file-ambiguous",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest, .. } if nearest.is_empty() => None,
            Self::Unknown { nearest, .. } => Some(format!("it has `{}`", nearest.join("`, `"))),
            Self::Ambiguous { candidates, .. } => {
                Some(format!("write more of the path: `{}`", candidates.join("`, `")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 6] = [
        "index.js",
        "dist/index.js",
        "dist/css/bootstrap.min.css",
        "dist/css/bootstrap.css",
        "scss/_bootstrap.scss",
        "dist/css/grid.css",
    ];

    fn find(wanted: &str) -> Result<&'static str, FileMatchError> {
        find_file(&"bootstrap@5.3.3".parse().unwrap(), FILES, wanted)
    }

    #[test]
    fn an_exact_path_comes_before_the_end_of_one() {
        assert_eq!(find("index.js"), Ok("index.js"));
        assert_eq!(find("bootstrap.min.css"), Ok("dist/css/bootstrap.min.css"));
        assert_eq!(find("css/grid.css"), Ok("dist/css/grid.css"));
    }

    #[test]
    fn a_name_is_not_cut_in_the_middle() {
        let error = find("strap.min.css").unwrap_err();
        assert_eq!(error.to_string(), "`bootstrap@5.3.3` has no file `strap.min.css`");
        assert_eq!(error.code(), "npm-file-unknown");
    }

    #[test]
    fn what_is_near_or_ambiguous_is_listed_up_to_a_bound() {
        let error = find("css/bootstrap.mn.css").unwrap_err();
        assert!(error.hint().unwrap().starts_with("it has `dist/css/bootstrap.min.css`"), "{error:?}");
        assert_eq!(find("zzz").unwrap_err().hint(), None);
        let files: Vec<String> = (0..20).map(|number| format!("{number}/a.js")).collect();
        let error =
            find_file(&"b@1.0.0".parse().unwrap(), files.iter().map(String::as_str), "a.js").unwrap_err();
        assert_eq!(error.to_string(), "`b@1.0.0` has 20 files that end with `a.js`");
        let hint = "write more of the path: `0/a.js`, `1/a.js`, `2/a.js`, `3/a.js`, `4/a.js`";
        assert_eq!(error.hint().as_deref(), Some(hint));
    }
}

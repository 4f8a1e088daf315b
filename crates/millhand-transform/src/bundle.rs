//! Runs the bundler, and sorts what comes out.

use std::collections::BTreeMap;
use std::sync::{Arc, Once};

use millhand_packages::transform::{
    BuiltFile, BuiltPackage, Entries, Import, ImportedModule, SourcePackage, TransformError, entry_path,
};
use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;
use rolldown::{
    BundlerOptions, HashCharacters, InputItem, OutputFormat, PathsOutputOption, Platform,
    PreserveEntrySignatures, SourceMapType, TsConfig,
};
use rolldown_common::Output;

use crate::package::normalize;
use crate::plan::{self, Entry};
use crate::plugin::Packager;
use crate::scope::Scope;

const STACK_BYTES: usize = 256 * 1024 * 1024;
const THREADS: usize = 2;

/// Builds a package.
pub(crate) fn build(source: &SourcePackage, asked: &Entries) -> Result<BuiltPackage, TransformError> {
    let (scope, entries) = plan::entries(Scope::new(source), asked)?;
    let scope = Arc::new(scope);
    let chunks = match asked {
        Entries::Deep(subpath) if entries.len() == 1 => format!("chunk/deep/{subpath}"),
        _ => "chunk".to_owned(),
    };
    let packager = Packager::new(Arc::clone(&scope), &chunks);
    let options = options(&scope, &packager, &entries, &chunks);
    let output = run(options, packager).map_err(|messages| {
        let root = scope.package.root().display().to_string();
        let base = format!("{}/", scope.base());
        let messages = messages.into_iter().map(|one| one.replace(&base, "").replace(&root, "."));
        TransformError::Broken { id: source.id.clone(), messages: messages.collect() }
    })?;
    Ok(collect(source, &scope, &entries, &output))
}

fn options(scope: &Scope, packager: &Packager, entries: &[Entry], chunks: &str) -> BundlerOptions {
    let input = entries
        .iter()
        .map(|entry| {
            let path = entry_path(entry.subpath.as_deref());
            let name = path.strip_suffix(".js").unwrap_or(&path).to_owned();
            InputItem { name: Some(name), import: packager.enter(entry) }
        })
        .collect();
    let define =
        [("process.env.NODE_ENV", "\"production\""), ("global", "globalThis"), ("define.amd", "false")];
    let base = scope.base();
    BundlerOptions {
        paths: Some(PathsOutputOption::Fn(Arc::new(move |id| {
            let path = relative(&base, id);
            Box::pin(async move { Ok(path) })
        }))),
        input: Some(input),
        cwd: Some(scope.base().into()),
        dir: Some(scope.base()),
        platform: Some(Platform::Browser),
        format: Some(OutputFormat::Esm),
        entry_filenames: Some("[name].js".to_owned().into()),
        chunk_filenames: Some(format!("{chunks}/[hash:16].js").into()),
        sanitize_filename: Some(false.into()),
        hash_characters: Some(HashCharacters::Hex),
        sourcemap: Some(SourceMapType::File),
        define: Some(define.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect()),
        preserve_entry_signatures: Some(PreserveEntrySignatures::Strict),
        context: Some("globalThis".to_owned()),
        tsconfig: Some(TsConfig::Auto(false)),
        shim_missing_exports: Some(true),
        ..BundlerOptions::default()
    }
}

/// A path from the folder `base`; what is no path of ours stays.
fn relative(base: &str, id: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (base.split('/').collect(), id.split('/').collect());
    let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    match id.starts_with('/') {
        true => "../".repeat(from.len() - shared) + &to[shared..].join("/"),
        false => id.to_owned(),
    }
}

/// Runs the bundler to its end.
fn run(options: BundlerOptions, packager: Packager) -> Result<Vec<Output>, Vec<String>> {
    static POOL: Once = Once::new();
    POOL.call_once(|| {
        // Somebody else may have set it up: then stacks are as deep as they are.
        let _ = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build_global();
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_stack_size(STACK_BYTES)
        .thread_name("millhand-bundler")
        .build()
        .map_err(|error| vec![error.to_string()])?;
    let output = runtime.block_on(async {
        let mut bundler = rolldown::Bundler::with_plugins(options, vec![Arc::new(packager)])?;
        bundler.generate().await
    });
    match output {
        Ok(output) => Ok(output.assets),
        Err(problems) => Err(problems.into_vec().iter().map(describe).collect()),
    }
}

fn describe(problem: &rolldown_error::BuildDiagnostic) -> String {
    problem.to_diagnostic().to_string()
}

/// Sorts the output by path, and notes what is imported.
fn collect(source: &SourcePackage, scope: &Scope, entries: &[Entry], output: &[Output]) -> BuiltPackage {
    let base = scope.base();
    let packages: BTreeMap<String, _> = source
        .dependencies
        .values()
        .map(|dependency| (format!("{}/{}", dependency.key, dependency.id), &dependency.id))
        .collect();
    let own: Vec<&str> = output.iter().map(Output::filename).collect();
    let imported = |from: &str, specifier: &str| -> Option<ImportedModule> {
        let folder = format!("{base}/{from}");
        let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = specifier.starts_with('.').then(|| normalize(folder, specifier)).flatten()?;
        if let Some(file) = format!("/{path}").strip_prefix(&format!("{base}/")) {
            return Some(match own.contains(&file) {
                true => ImportedModule::Own(file.to_owned()),
                false => ImportedModule::Package { id: source.id.clone(), subpath: subpath(file)? },
            });
        }
        let (_, path) = path.split_once('/')?;
        let (package, id) = packages.iter().find(|(package, _)| {
            path.strip_prefix(package.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })?;
        Some(ImportedModule::Package { id: (*id).clone(), subpath: subpath(path.get(package.len() + 1..)?)? })
    };

    let mut files = BTreeMap::new();
    for one in output {
        let mut file = BuiltFile { content: one.content_as_bytes().to_vec(), ..BuiltFile::default() };
        if let Output::Chunk(chunk) = one {
            file.imports = imports(&chunk.code, |specifier| imported(&chunk.filename, specifier));
            file.default_only = chunk.is_entry
                && entries.iter().any(|entry| entry_path(entry.subpath.as_deref()) == *chunk.filename)
                && chunk.exports.iter().any(|name| name == "default")
                && chunk.exports.iter().all(|name| name == "default" || name == "module.exports");
        }
        files.insert(one.filename().to_owned(), file);
    }
    BuiltPackage { files }
}

/// The subpath of an entry's file.
fn subpath(file: &str) -> Option<Option<String>> {
    match file {
        "entry.js" => Some(None),
        file => Some(Some(file.strip_prefix("entry/")?.strip_suffix(".js")?.to_owned())),
    }
}

fn imports(code: &str, find: impl Fn(&str) -> Option<ImportedModule>) -> Vec<Import> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, SourceType::mjs()).parse();
    let needed = parsed.module_record.requested_modules.keys().map(|specifier| (specifier.to_string(), true));
    let later = parsed.module_record.dynamic_imports.iter().filter_map(|import| {
        let text = code.get(import.module_request.start as usize..import.module_request.end as usize)?;
        Some((text.trim_matches(['"', '\'', '`']).to_owned(), false))
    });
    let mut imports: Vec<Import> = needed
        .chain(later)
        .filter_map(|(specifier, needed)| Some(Import { from: find(&specifier)?, needed }))
        .collect();
    imports.sort();
    imports.dedup();
    // What is needed anyway is not also imported later.
    let needed: Vec<ImportedModule> =
        imports.iter().filter(|import| import.needed).map(|import| import.from.clone()).collect();
    imports.retain(|import| import.needed || !needed.contains(&import.from));
    imports
}

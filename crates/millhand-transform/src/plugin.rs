//! What the bundler asks: where a name leads, and what a module's code is.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use arcstr::ArcStr;
use rolldown::ModuleType;
use rolldown::plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookUsage, LoadPluginContext, Plugin, PluginContext, SharedLoadPluginContext,
};
use rolldown_common::side_effects::HookSideEffects;
use rolldown_common::{EmittedAsset, EmittedChunk, ImportKind, ResolvedExternal};
use string_wizard::{Hires, MagicString, SourceMapOptions};

use crate::css;
use crate::glue::{self, quote};
use crate::package::{Asks, Source, extension, normalize};
use crate::plan::{Content, Entry, is_script};
use crate::scan::{GlobalUse, Request, RequestKind, UrlUse};
use crate::scope::{External, Scope, Target};
use crate::wasm;

/// The folder of our own modules. No package has a file there.
const GLUE: &str = "~millhand";

/// Behind the path of a WebAssembly module that is imported as if it were an ES module.
const INSTANCE: &str = "?instance";

/// Answers the bundler's questions about one package.
#[derive(Debug)]
pub(crate) struct Packager {
    scope: Arc<Scope>,
    base: String,
    /// Where chunks go: builds of the same package must not write over each other's.
    chunks: String,
    /// Code that is ours, by the path of the module.
    glue: Mutex<HashMap<String, String>>,
    /// What the bundler calls files that are part of the output.
    emitted: Mutex<HashMap<String, ArcStr>>,
    /// The files of entries: whoever imports one wants what it does, too.
    entered: Mutex<BTreeSet<String>>,
}

impl Packager {
    pub(crate) fn new(scope: Arc<Scope>, chunks: &str) -> Self {
        let base = scope.base();
        let (glue, emitted, entered) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { scope, base, chunks: chunks.to_owned(), glue, emitted, entered }
    }

    /// Makes the module of an entry, and returns its path.
    pub(crate) fn enter(&self, entry: &Entry) -> String {
        if let Content::File(file) = &entry.content {
            self.entered.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone());
        }
        let code = match &entry.content {
            Content::Same(external) => {
                let path = self.scope.external_path(external);
                glue::entry(&path, self.has_default(external))
            }
            Content::File(file) if self.is_common_js(file) => {
                glue::common_js_entry(&self.path(file), self.scope.names(file).iter())
            }
            Content::File(file) => {
                let has_default = match &*self.scope.package.source(file) {
                    Ok(source) if is_script(file) => source.scan.has_default,
                    _ => !is_script(file),
                };
                glue::entry(&self.path(file), has_default)
            }
        };
        self.add(&format!("entry/{}", entry.subpath.as_deref().unwrap_or("index")), code)
    }

    fn has_default(&self, external: &External) -> bool {
        self.scope.is_external_common_js(external)
            || self.scope.package.entry(external.subpath.as_deref()).is_some_and(
                |file| matches!(&*self.scope.package.source(&file), Ok(source) if source.scan.has_default),
            )
    }

    fn is_common_js(&self, file: &str) -> bool {
        extension(file) == "json" || self.scope.package.is_common_js(file)
    }

    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.base)
    }

    fn add(&self, name: &str, code: String) -> String {
        let path = format!("{}/{GLUE}/{name}.js", self.base);
        self.glue.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), code);
        path
    }

    // Where names lead.

    fn lead(&self, args: &HookResolveIdArgs<'_>) -> HookResolveIdOutput {
        let specifier = args.specifier;
        if specifier.starts_with('/')
            && self.glue.lock().unwrap_or_else(PoisonError::into_inner).contains_key(specifier)
        {
            return module(specifier.to_owned());
        }
        let from = args.importer.and_then(|importer| importer.strip_prefix(&self.base)?.strip_prefix('/'));
        let is_ours = from.is_none_or(|from| from.starts_with(GLUE));
        if is_ours {
            return match specifier.strip_prefix(&self.base).and_then(|rest| rest.strip_prefix('/')) {
                Some(file) if self.scope.package.path(file).is_file() => self.file(file),
                _ if specifier.starts_with('/') => external(specifier.to_owned()),
                _ => self.named("", specifier, args.kind),
            };
        }
        self.named(from.unwrap_or_default(), specifier, args.kind)
    }

    fn named(&self, from: &str, specifier: &str, kind: ImportKind) -> HookResolveIdOutput {
        if let Some(glue) = specifier.strip_prefix("millhand:") {
            return module(self.shared(glue));
        }
        let asks = if kind == ImportKind::Require { Asks::Require } else { Asks::Import };
        match self.scope.resolve(from, specifier, asks) {
            Target::File(file) if extension(&file) == "wasm" && self.takes_exports(from, specifier) => {
                module(self.path(&file) + INSTANCE)
            }
            Target::File(file) => self.file(&file),
            Target::Empty => module(self.add("empty", "module.exports = {};\n".to_owned())),
            Target::External(target) => self.external(&target, kind),
            Target::Address => external(specifier.to_owned()),
            Target::Builtin(name) => module(self.stub(from, specifier, &name)),
            Target::Missing => module(self.stub(from, specifier, specifier)),
        }
    }

    /// Whether a file imports more than the address of what is no script.
    fn takes_exports(&self, from: &str, specifier: &str) -> bool {
        let source = self.scope.package.source(from);
        let Ok(source) = &*source else { return false };
        let mut requests = source.scan.requests.iter().filter(|request| request.specifier == specifier);
        requests.any(|request| request.names.iter().any(|name| name != "default"))
    }

    /// Our modules that several others use.
    fn shared(&self, name: &str) -> String {
        let code = match name {
            "process" => glue::PROCESS,
            _ => glue::INTEROP,
        };
        self.add(name, code.to_owned())
    }

    fn file(&self, file: &str) -> HookResolveIdOutput {
        let is_entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner).contains(file);
        let side_effects = match self.scope.package.has_side_effects(file) {
            Some(has) if has || is_entered => Some(HookSideEffects::True),
            Some(_) => Some(HookSideEffects::False),
            None => None,
        };
        let is_typed = is_script(file) && self.scope.package.is_typed_module(file);
        let package_json = is_typed.then(|| self.type_file(file)).flatten();
        HookResolveIdOutput { side_effects, package_json_path: package_json, ..module(self.path(file)) }
    }

    /// The `package.json` that says that a file is an ES module.
    fn type_file(&self, file: &str) -> Option<String> {
        let folder = self.scope.package.type_folder(file);
        Some(self.scope.package.path(&folder).join("package.json").to_str()?.to_owned())
    }

    fn external(&self, target: &External, kind: ImportKind) -> HookResolveIdOutput {
        if let Some(data) = self.scope.data(target) {
            let (package, subpath) = (target.package.as_deref(), target.subpath.as_deref());
            let name = format!("data/{}/{}", package.unwrap_or_default(), subpath.unwrap_or_default());
            return module(self.add(&name, data));
        }
        let is_common_js = self.scope.is_external_common_js(target);
        match kind == ImportKind::Require || is_common_js {
            true => module(self.facade(target)),
            false => external(self.scope.external_path(target)),
        }
    }

    /// A CommonJS module in place of one that is built elsewhere: so the bundler treats it as what it was.
    fn facade(&self, target: &External) -> String {
        let name = target.package.as_deref().unwrap_or(self.scope.id.name.as_str());
        let name = format!("{name}/{}", target.subpath.as_deref().unwrap_or("index"));
        let interop = self.shared("interop");
        let namespace =
            self.add(&format!("namespace/{name}"), glue::namespace(&self.scope.external_path(target)));
        let whole = if self.scope.is_default_required(target) { "default" } else { "module.exports" };
        self.add(&format!("require/{name}"), glue::require(&namespace, &interop, whole))
    }

    /// What is imported by name in place of a module that is not there.
    fn stub(&self, from: &str, specifier: &str, missing: &str) -> String {
        let names: BTreeSet<String> = match &*self.scope.package.source(from) {
            Ok(source) => {
                let requests = source.scan.requests.iter().filter(|request| request.specifier == specifier);
                requests
                    .flat_map(|request| request.names.iter().filter(|name| *name != "*").cloned())
                    .collect()
            }
            Err(_) => BTreeSet::new(),
        };
        let code = glue::stub(&self.why_missing(from, missing), names.iter());
        self.add(&format!("missing/{from}/{}", missing.replace(['/', ':', '.', '#'], "-")), code)
    }

    fn why_missing(&self, from: &str, name: &str) -> String {
        let id = &self.scope.id;
        match crate::builtins::name(name) {
            Some(builtin) => {
                format!("`{id}` needs `{builtin}` of Node, which browsers do not have ({from})")
            }
            None => format!("`{id}` needs `{name}`, which is not installed ({from})"),
        }
    }

    // What the code is.

    fn code(&self, context: &LoadPluginContext, id: &str) -> anyhow::Result<Option<HookLoadOutput>> {
        if let Some(code) = self.glue.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(Some(HookLoadOutput { code: code.into(), ..HookLoadOutput::default() }));
        }
        let Some(file) = id.strip_prefix(&self.base).and_then(|rest| rest.strip_prefix('/')) else {
            return Ok(None);
        };
        if let Some(file) = file.strip_suffix(INSTANCE) {
            let url = self.asset(context, file)?;
            let outside = wasm::outside(&fs::read(self.scope.package.path(file))?);
            let code = match outside {
                Some(outside) => glue::instance(&url, &outside),
                None => glue::throwing_module(&format!("`{file}` cannot be read as WebAssembly")),
            };
            return Ok(Some(javascript(code)));
        }
        if extension(file) == "css" {
            let code = glue::style(&self.stylesheet(context, file)?);
            return Ok(Some(javascript(code)));
        }
        if !is_script(file) {
            let url = self.asset(context, file)?;
            return Ok(Some(javascript(format!("export default {url};\n"))));
        }
        match &*self.scope.package.source(file) {
            Ok(source) if extension(file) == "json" => {
                let code = source.text.as_str().into();
                Ok(Some(HookLoadOutput {
                    code,
                    module_type: Some(ModuleType::Json),
                    ..HookLoadOutput::default()
                }))
            }
            Ok(source) => self.script(context, file, source).map(Some),
            Err(problem) => Ok(Some(javascript(glue::throwing_module(problem)))),
        }
    }

    fn script(
        &self,
        context: &LoadPluginContext,
        file: &str,
        source: &Source,
    ) -> anyhow::Result<HookLoadOutput> {
        let mut edits = Edits { text: MagicString::new(source.text.as_str()), changed: false };
        for request in &source.scan.requests {
            self.edit_request(&mut edits, file, request)?;
        }
        for url in &source.scan.urls {
            self.edit_url(context, &mut edits, file, url)?;
        }
        self.edit_globals(&mut edits, source)?;
        if !edits.changed {
            return Ok(HookLoadOutput { code: source.text.as_str().into(), ..HookLoadOutput::default() });
        }
        let options = SourceMapOptions {
            include_content: true,
            source: self.path(file).into(),
            hires: Hires::Boundary,
        };
        let map = Some(edits.text.source_map(options));
        Ok(HookLoadOutput { code: edits.text.to_string().into(), map, ..HookLoadOutput::default() })
    }

    fn edit_request(&self, edits: &mut Edits<'_>, file: &str, request: &Request) -> anyhow::Result<()> {
        let target = self.scope.resolve(file, &request.specifier, request.asks());
        let problem = match &target {
            Target::Builtin(builtin) => Some(self.why_missing(file, builtin)),
            Target::Missing => Some(self.why_missing(file, &request.specifier)),
            // What is optional must not stand in the way of the rest.
            Target::External(external) if !request.is_needed => {
                self.scope.needs_node(external).map(|builtin| {
                    let (id, name) = (&self.scope.id, &request.specifier);
                    format!("`{id}` uses `{name}`, which needs `{builtin}` of Node ({file})")
                })
            }
            Target::File(needed) if is_script(needed) => match &*self.scope.package.source(needed) {
                Err(problem) => Some(problem.clone()),
                Ok(_) => None,
            },
            _ => None,
        };
        match (request.kind, problem) {
            (RequestKind::Require, Some(problem)) => {
                edits.replace(request.span.start, request.span.end, glue::throwing(&problem))
            }
            (RequestKind::Dynamic, Some(problem)) => {
                edits.replace(request.span.start, request.span.end, glue::rejecting(&problem))
            }
            (RequestKind::PassOn, None) => match self.scope.common_js_names(&target) {
                Some(names) => {
                    let names: Vec<String> = names.into_iter().collect();
                    let code =
                        format!("export {{ {} }} from {};", names.join(", "), quote(&request.specifier));
                    edits.replace(request.span.start, request.span.end, code)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn edit_url(
        &self,
        context: &LoadPluginContext,
        edits: &mut Edits<'_>,
        file: &str,
        url: &UrlUse,
    ) -> anyhow::Result<()> {
        let Some(target) = self.sibling(file, &url.specifier) else { return Ok(()) };
        let (start, end) = (url.span.start, url.span.end);
        let Some(worker) = url.worker.as_ref().filter(|_| is_script(&target)) else {
            let address = self.asset(context, &target)?;
            return edits.replace(start, end, format!("new URL({address})"));
        };
        let address = self.worker(context, &target)?;
        edits.replace(start, end, format!("new URL({address})"))?;
        match worker.options {
            Some(options) => {
                edits.insert(options.start, "Object.assign({}, ");
                edits.insert(options.end, ", { type: \"module\" })");
            }
            None => edits.insert(end, ", { type: \"module\" }"),
        }
        Ok(())
    }

    fn edit_globals(&self, edits: &mut Edits<'_>, source: &Source) -> anyhow::Result<()> {
        let scan = &source.scan;
        let mut needed = BTreeSet::new();
        for GlobalUse { name, span, is_shorthand } in &scan.globals {
            let replacement = match *name {
                "process" => "millhand_process",
                "Buffer" if self.has_buffer() => "millhand_Buffer",
                "__dirname" if scan.is_common_js => "\"/\"",
                "__filename" if scan.is_common_js => "\"/index.js\"",
                _ => continue,
            };
            if replacement.starts_with('m') {
                needed.insert((*name, replacement));
            }
            let code = if *is_shorthand { format!("{name}: {replacement}") } else { replacement.to_owned() };
            edits.replace(span.start, span.end, code)?;
        }
        for (name, variable) in needed {
            let module = if name == "process" { "millhand:process" } else { "buffer" };
            let code = match scan.is_common_js {
                true => format!(";var {variable} = require(\"{module}\").{name};"),
                false => format!(";import {{ {name} as {variable} }} from \"{module}\";"),
            };
            // Not on the line of `#!`, which is a comment.
            let code = if source.text.starts_with("#!") { format!("\n{code}") } else { code };
            edits.insert(scan.body_start, &code);
        }
        Ok(())
    }

    fn has_buffer(&self) -> bool {
        matches!(self.scope.resolve("", "buffer", Asks::Import), Target::External(_))
    }

    // Files that are part of the output as they are.

    /// A file that is named by a url.
    fn sibling(&self, from: &str, url: &str) -> Option<String> {
        let path = url.split(['?', '#']).next()?;
        if path.is_empty() || path.contains(':') || path.starts_with('/') {
            return None;
        }
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let file = normalize(folder, path)?;
        self.scope.package.path(&file).is_file().then_some(file)
    }

    /// Puts a file into the output, and returns the expression for its url.
    fn asset(&self, context: &LoadPluginContext, file: &str) -> anyhow::Result<String> {
        let mut emitted = self.emitted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = vec![file.to_owned()];
        while let Some(file) = rest.pop() {
            if emitted.contains_key(&file) {
                continue;
            }
            let content = fs::read(self.scope.package.path(&file))?;
            if extension(&file) == "css" {
                let css = String::from_utf8_lossy(&content);
                rest.extend(css::urls(&css).into_iter().filter_map(|range| self.sibling(&file, &css[range])));
            }
            let asset = EmittedAsset {
                file_name: Some(raw_path(&file).into()),
                source: content.into(),
                ..EmittedAsset::default()
            };
            let reference = context.emit_file(asset, None, None)?;
            emitted.insert(file, reference);
        }
        let reference = emitted.get(file).map(ArcStr::as_str).unwrap_or_default();
        Ok(format!("import.meta.ROLLUP_FILE_URL_{reference}"))
    }

    /// Builds a worker's script as a module of its own.
    fn worker(&self, context: &LoadPluginContext, file: &str) -> anyhow::Result<String> {
        let mut emitted = self.emitted.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("worker:{file}");
        if !emitted.contains_key(&key) {
            let name = file.strip_suffix(&format!(".{}", extension(file))).unwrap_or(file);
            let chunk = EmittedChunk {
                file_name: Some(format!("{}/worker/{name}.js", self.chunks).into()),
                id: self.path(file),
                ..EmittedChunk::default()
            };
            let reference = context.emit_chunk(chunk)?;
            emitted.insert(key.clone(), reference);
        }
        let reference = emitted.get(&key).map(ArcStr::as_str).unwrap_or_default();
        Ok(format!("import.meta.ROLLUP_FILE_URL_{reference}"))
    }

    /// An expression for the text of a stylesheet, with urls that work wherever it is put.
    fn stylesheet(&self, context: &LoadPluginContext, file: &str) -> anyhow::Result<String> {
        let content = fs::read(self.scope.package.path(file))?;
        let css = String::from_utf8_lossy(&content);
        let css = css.trim_start_matches('\u{feff}');
        let (mut parts, mut from) = (Vec::new(), 0);
        for range in css::urls(css) {
            let Some(target) = self.sibling(file, &css[range.clone()]) else { continue };
            let rest = css[range.clone()].find(['?', '#']).map_or("", |at| &css[range.start + at..range.end]);
            parts.push(quote(&css[from..range.start]));
            parts.push(self.asset(context, &target)?);
            parts.push(quote(rest));
            from = range.end;
        }
        parts.push(quote(&css[from..]));
        Ok(parts.join(" + "))
    }
}

/// Where a file goes that is served as it is: its own path, unless modules have that.
fn raw_path(file: &str) -> String {
    match file == "entry.js" || file.starts_with("entry/") || file.starts_with("chunk/") {
        true => format!("raw/{file}"),
        false => file.to_owned(),
    }
}

fn module(id: String) -> HookResolveIdOutput {
    HookResolveIdOutput::from_id(id)
}

fn external(id: String) -> HookResolveIdOutput {
    HookResolveIdOutput { external: Some(ResolvedExternal::Relative), ..HookResolveIdOutput::from_id(id) }
}

fn javascript(code: String) -> HookLoadOutput {
    HookLoadOutput { code: code.into(), module_type: Some(ModuleType::Js), ..HookLoadOutput::default() }
}

/// Changes of a source that its source map takes note of.
struct Edits<'a> {
    text: MagicString<'a>,
    changed: bool,
}

impl Edits<'_> {
    fn replace(&mut self, start: u32, end: u32, code: String) -> anyhow::Result<()> {
        self.changed = true;
        self.text.update(start, end, code).map(drop).map_err(anyhow::Error::msg)
    }

    fn insert(&mut self, at: u32, code: &str) {
        self.changed = true;
        // Behind what ends here, such as a replacement.
        let _ = self.text.append_left(at, code.to_owned());
    }
}

impl Plugin for Packager {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("millhand")
    }

    async fn resolve_id(&self, _: &PluginContext, args: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        if args.specifier.starts_with("rolldown:") || args.specifier.starts_with('\0') {
            return Ok(None);
        }
        Ok(Some(self.lead(args)))
    }

    async fn load(&self, context: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        self.code(&context, args.id)
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load
    }
}

//! What a module asks for, offers and takes for granted, read from its syntax.
//!
//! Nothing is run, and nothing is looked up: where names lead is for `resolve` to say.

use std::collections::{BTreeSet, HashMap};

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{
    Argument, AssignmentTarget, CallExpression, Expression, IdentifierReference, ImportDeclarationSpecifier,
    ModuleExportName, NewExpression, ObjectPropertyKind, Program, PropertyKey, Statement,
};
use oxc::ast_visit::Visit;
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::{Scoping, SemanticBuilder};
use oxc::span::{GetSpan, SourceType, Span};

use crate::package::extension;

/// What is known of a module.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Whether it is CommonJS; JSON counts as it.
    pub(crate) is_common_js: bool,
    /// Of an ES module: whether it has a default export of its own.
    pub(crate) has_default: bool,
    /// Whether it can only be read as a script, not as a module.
    pub(crate) is_sloppy: bool,
    /// Whether it is an ES module of constants that are written out, and nothing else.
    pub(crate) is_data: bool,
    /// The modules that it asks for.
    pub(crate) requests: Vec<Request>,
    /// Files that it refers to, relative to itself.
    pub(crate) urls: Vec<UrlUse>,
    /// Globals of Node that it uses without asking whether they are there.
    pub(crate) globals: Vec<GlobalUse>,
    /// Where declarations can be put: behind `#!` and directives.
    pub(crate) body_start: u32,
    /// What CommonJS code exports.
    pub(crate) exports: Exports,
}

/// What CommonJS code visibly exports.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    pub(crate) names: BTreeSet<String>,
    /// Whether the whole is something to call, or to use otherwise than by names.
    pub(crate) is_whole: bool,
    /// Modules whose exports it passes on.
    pub(crate) passed_on: Vec<String>,
}

/// A module that is asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) specifier: String,
    pub(crate) kind: RequestKind,
    pub(crate) span: Span,
    /// Whether the module cannot even be loaded without it.
    pub(crate) is_needed: bool,
    /// What is imported by name; `*` for everything.
    pub(crate) names: Vec<String>,
}

/// How a module is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Import,
    /// `export * from`
    PassOn,
    Require,
    /// `import()`
    Dynamic,
}

/// `new URL('./file', import.meta.url)`
#[derive(Debug)]
pub(crate) struct UrlUse {
    pub(crate) specifier: String,
    /// The whole of `new URL(…)`.
    pub(crate) span: Span,
    pub(crate) worker: Option<WorkerUse>,
}

/// The `new Worker(…)` around a url.
#[derive(Debug)]
pub(crate) struct WorkerUse {
    pub(crate) options: Option<Span>,
}

/// A global of Node.
#[derive(Debug)]
pub(crate) struct GlobalUse {
    pub(crate) name: &'static str,
    pub(crate) span: Span,
    /// `{ process }`
    pub(crate) is_shorthand: bool,
}

/// How deep brackets may be nested.
const MAX_DEPTH: usize = 1000;

const GLOBALS: &[&str] = &["process", "Buffer", "__dirname", "__filename"];

/// Looks over a JSON file.
pub(crate) fn json(file: &str, text: &str) -> Result<Scan, String> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(Scan { is_common_js: true, ..Scan::default() }),
        Err(error) => Err(format!("`{file}`, line {}, column {}: no JSON", error.line(), error.column())),
    }
}

/// Looks over JavaScript or TypeScript.
pub(crate) fn script(file: &str, text: &str, is_typed_module: bool) -> Result<Scan, String> {
    if is_too_deep(text) {
        return Err(format!("`{file}` is nested too deeply"));
    }
    let extension = extension(file);
    let source_type = match extension {
        "ts" | "mts" | "cts" => SourceType::ts(),
        "tsx" => SourceType::tsx(),
        "jsx" => SourceType::jsx(),
        "cjs" => SourceType::mjs().with_commonjs(true),
        _ => SourceType::mjs(),
    };
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let allocator = Allocator::default();
    let parse = |source_type| Parser::new(&allocator, text, source_type).with_options(options).parse();
    let mut parsed = parse(source_type);
    let mut is_sloppy = false;
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        let script = parse(SourceType::cjs());
        if script.panicked || !script.diagnostics.is_empty() {
            let first = parsed.diagnostics.iter().next();
            return Err(describe(file, text, first));
        }
        parsed = script;
        is_sloppy = true;
    }

    let has_module_syntax =
        parsed.module_record.has_module_syntax || !parsed.module_record.import_metas.is_empty();
    let semantic = SemanticBuilder::new().build(&parsed.program).semantic;
    let mut visitor = Visitor {
        text,
        scoping: semantic.scoping(),
        stack: Vec::new(),
        scan: Scan::default(),
        aliases: BTreeSet::from(["exports".to_owned()]),
        required: HashMap::new(),
    };
    visitor.scan.body_start = body_start(&parsed.program);
    visitor.visit_program(&parsed.program);
    let mut scan = visitor.scan;
    scan.is_sloppy = is_sloppy;
    scan.is_common_js = !has_module_syntax && extension != "mjs" && (extension == "cjs" || !is_typed_module);
    scan.is_data = has_module_syntax && parsed.program.body.iter().all(is_data_statement);
    scan.has_default = parsed
        .module_record
        .local_export_entries
        .iter()
        .chain(&parsed.module_record.indirect_export_entries)
        .any(|entry| entry.export_name.is_default() || is_named_default(&entry.export_name));
    Ok(scan)
}

fn is_data_statement(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::VariableDeclaration(declaration) => declaration
            .declarations
            .iter()
            .all(|one| one.init.as_ref().is_some_and(|value| is_data(value, &[]))),
        Statement::ExportDefaultDeclaration(export) => export
            .declaration
            .as_expression()
            .is_some_and(|value| matches!(value, Expression::Identifier(_)) || is_data(value, &[])),
        _ => false,
    }
}

/// Constants, and functions that put their arguments into some.
fn is_data(value: &Expression<'_>, arguments: &[&str]) -> bool {
    match value.get_inner_expression() {
        Expression::StringLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::BooleanLiteral(_)
        | Expression::NullLiteral(_) => true,
        Expression::Identifier(name) => arguments.contains(&name.name.as_str()),
        Expression::ArrayExpression(array) => array
            .elements
            .iter()
            .all(|one| one.as_expression().is_some_and(|value| is_data(value, arguments))),
        Expression::ObjectExpression(object) => object.properties.iter().all(|one| match one {
            ObjectPropertyKind::ObjectProperty(one) => !one.computed && is_data(&one.value, arguments),
            ObjectPropertyKind::SpreadProperty(_) => false,
        }),
        Expression::FunctionExpression(function) => {
            let names = function.params.items.iter().map(|one| one.pattern.get_identifier_name());
            let Some(names) = names.collect::<Option<Vec<_>>>() else { return false };
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            match function.body.as_ref().map(|body| body.statements.as_slice()) {
                Some([Statement::ReturnStatement(result)]) => {
                    result.argument.as_ref().is_some_and(|value| is_data(value, &names))
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Parsers recur, and a stack that runs out takes the process with it. Tables of generated parsers are texts full of
/// brackets: what is in quotes does not count.
fn is_too_deep(text: &str) -> bool {
    let (mut depth, mut quote) = (0usize, None);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => drop(bytes.next()),
            (Some(open), _) if byte == open || byte == b'\n' => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn is_named_default(name: &oxc::syntax::module_record::ExportExportName<'_>) -> bool {
    matches!(name, oxc::syntax::module_record::ExportExportName::Name(name) if name.name == "default")
}

fn describe(file: &str, text: &str, problem: Option<&oxc::diagnostics::OxcDiagnostic>) -> String {
    let Some(problem) = problem else { return format!("`{file}` cannot be read as JavaScript") };
    let offset = problem.labels.iter().next().map_or(0, |label| label.offset() as usize);
    let before = text.get(..offset.min(text.len())).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("`{file}`, line {line}, column {column}: {}", problem.message)
}

fn body_start(program: &Program<'_>) -> u32 {
    let hashbang = program.hashbang.as_ref().map_or(0, |hashbang| hashbang.span.end);
    program.directives.last().map_or(hashbang, |directive| directive.span.end)
}

struct Visitor<'a, 's> {
    text: &'s str,
    scoping: &'s Scoping,
    stack: Vec<AstKind<'a>>,
    scan: Scan,
    /// Names of the object that CommonJS exports.
    aliases: BTreeSet<String>,
    /// Variables that hold a required module.
    required: HashMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Runs when the module is loaded.
    Always,
    Sometimes,
    /// Only in development.
    Never,
}

impl<'a> Visit<'a> for Visitor<'a, '_> {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        match kind {
            AstKind::Program(program) => self.on_statements(&program.body),
            AstKind::ImportExpression(import) => self.on_dynamic_import(import.span, &import.source),
            AstKind::CallExpression(call) => self.on_call(call),
            AstKind::NewExpression(new) => self.on_new(new),
            AstKind::IdentifierReference(identifier) => self.on_reference(identifier),
            AstKind::AssignmentExpression(assignment) => {
                self.on_assignment(&assignment.left, &assignment.right);
            }
            AstKind::VariableDeclarator(declarator) => {
                let name = declarator.id.get_identifier_name();
                if let (Some(name), Some(init)) = (name, &declarator.init) {
                    self.on_variable(name.as_str(), init);
                }
            }
            _ => {}
        }
        self.stack.push(kind);
    }

    fn leave_node(&mut self, _: AstKind<'a>) {
        self.stack.pop();
    }
}

impl<'a> Visitor<'a, '_> {
    fn on_statements(&mut self, body: &[Statement<'a>]) {
        for statement in body {
            let (source, kind, names) = match statement {
                Statement::ImportDeclaration(import) if import.import_kind.is_value() => {
                    let names = import.specifiers.iter().flatten().filter_map(imported_name).collect();
                    (&import.source, RequestKind::Import, names)
                }
                Statement::ExportAllDeclaration(export) if export.export_kind.is_value() => {
                    let kind = match export.exported {
                        None => RequestKind::PassOn,
                        Some(_) => RequestKind::Import,
                    };
                    (&export.source, kind, vec!["*".to_owned()])
                }
                Statement::ExportFromDeclaration(export) if export.export_kind.is_value() => {
                    let names = export.specifiers.iter().map(|one| export_name(&one.local)).collect();
                    (&export.source, RequestKind::Import, names)
                }
                _ => continue,
            };
            let specifier = source.value.to_string();
            let span = statement.span();
            self.scan.requests.push(Request { specifier, kind, span, is_needed: true, names });
        }
    }

    fn on_dynamic_import(&mut self, span: Span, source: &Expression<'a>) {
        if let Some(specifier) = literal(source).filter(|_| self.reach(span) != Reach::Never) {
            let kind = RequestKind::Dynamic;
            self.scan.requests.push(Request { specifier, kind, span, is_needed: false, names: Vec::new() });
        }
    }

    fn on_call(&mut self, call: &CallExpression<'a>) {
        let reach = self.reach(call.span);
        if reach == Reach::Never {
            return;
        }
        if let Some(specifier) = self.required_by(call) {
            let (kind, span, is_needed) = (RequestKind::Require, call.span, reach == Reach::Always);
            self.scan.requests.push(Request { specifier, kind, span, is_needed, names: Vec::new() });
        }
        self.on_define(call);
        self.on_helper(call);
    }

    /// `require('name')`, of the `require` that the module is given.
    fn required_by(&self, call: &CallExpression<'a>) -> Option<String> {
        let Expression::Identifier(callee) = &call.callee else { return None };
        if callee.name != "require" || !self.is_free(callee) || call.arguments.len() != 1 {
            return None;
        }
        literal(call.arguments.first()?.as_expression()?)
    }

    fn required(&self, expression: &Expression<'a>) -> Option<String> {
        match expression.get_inner_expression() {
            Expression::CallExpression(call) => self.required_by(call).or_else(|| {
                // What compilers wrap it with, such as `_interopRequireWildcard(require('name'))`.
                let wrapped = call.arguments.first()?.as_expression()?;
                matches!(&call.callee, Expression::Identifier(_)).then(|| self.required(wrapped)).flatten()
            }),
            _ => None,
        }
    }

    fn is_free(&self, identifier: &IdentifierReference<'a>) -> bool {
        identifier
            .reference_id
            .get()
            .is_none_or(|reference| self.scoping.get_reference(reference).symbol_id().is_none())
    }

    fn on_new(&mut self, new: &NewExpression<'a>) {
        let is_url = matches!(&new.callee, Expression::Identifier(callee) if callee.name == "URL");
        let [path, base] = new.arguments.as_slice() else { return };
        let path = path.as_expression().and_then(literal);
        let is_own = base.as_expression().is_some_and(is_own_url);
        if let Some(specifier) = path.filter(|_| is_url && is_own && self.reach(new.span) != Reach::Never) {
            let worker = self.worker_around(new.span);
            self.scan.urls.push(UrlUse { specifier, span: new.span, worker });
        }
    }

    fn worker_around(&self, url: Span) -> Option<WorkerUse> {
        let AstKind::NewExpression(new) = self.stack.last()? else { return None };
        let Expression::Identifier(callee) = &new.callee else { return None };
        let is_script = new.arguments.first().is_some_and(|argument| argument.span() == url);
        (matches!(callee.name.as_str(), "Worker" | "SharedWorker") && is_script)
            .then(|| WorkerUse { options: new.arguments.get(1).map(GetSpan::span) })
    }

    fn on_reference(&mut self, identifier: &IdentifierReference<'a>) {
        let Some(name) = GLOBALS.iter().find(|name| **name == identifier.name.as_str()) else { return };
        if !self.is_free(identifier) || self.is_asked_for(name, identifier.span) {
            return;
        }
        let parent = self.stack.last();
        let grandparent = self.stack.len().checked_sub(2).and_then(|index| self.stack.get(index));
        let is_environment = matches!(parent, Some(AstKind::StaticMemberExpression(env)) if env.property.name == "env")
            && matches!(grandparent, Some(AstKind::StaticMemberExpression(variable)) if variable.property.name == "NODE_ENV");
        let is_written = matches!(parent, Some(AstKind::AssignmentExpression(assignment)) if assignment.left.span() == identifier.span);
        if *name == "process" && is_environment || is_written {
            return;
        }
        let is_shorthand = matches!(parent, Some(AstKind::ObjectProperty(property)) if property.shorthand);
        self.scan.globals.push(GlobalUse { name, span: identifier.span, is_shorthand });
    }

    /// Whether code asks whether a global is there before it uses it.
    fn is_asked_for(&self, name: &str, span: Span) -> bool {
        let asks = |test: Span| {
            let test = self.slice(test);
            test.match_indices("typeof")
                .any(|(at, _)| test[at + "typeof".len()..].trim_start_matches([' ', '(']).starts_with(name))
        };
        self.stack.iter().rev().any(|kind| match kind {
            AstKind::UnaryExpression(unary) => unary.operator.is_typeof() && unary.argument.span() == span,
            AstKind::IfStatement(branch) => asks(branch.test.span()),
            AstKind::ConditionalExpression(branch) => asks(branch.test.span()),
            AstKind::LogicalExpression(logical) => asks(logical.left.span()),
            AstKind::TryStatement(attempt) => {
                attempt.handler.is_some() && attempt.block.span.contains_inclusive(span)
            }
            _ => false,
        })
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Whether what is at `span` runs when the module is loaded.
    fn reach(&self, span: Span) -> Reach {
        let mut reach = Reach::Always;
        for (index, kind) in self.stack.iter().enumerate().rev() {
            let here = match kind {
                AstKind::Function(function) if self.is_called_at_once(index, function.span) => Reach::Always,
                AstKind::ArrowFunctionExpression(arrow) if self.is_called_at_once(index, arrow.span) => {
                    Reach::Always
                }
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::SwitchCase(_) => {
                    Reach::Sometimes
                }
                AstKind::TryStatement(attempt) => match attempt.handler {
                    Some(_) if attempt.block.span.contains_inclusive(span) => Reach::Sometimes,
                    _ => Reach::Always,
                },
                AstKind::CatchClause(_) => Reach::Sometimes,
                AstKind::IfStatement(branch) => {
                    let then = branch.consequent.span().contains_inclusive(span);
                    let otherwise =
                        branch.alternate.as_ref().is_some_and(|one| one.span().contains_inclusive(span));
                    self.reach_of_branch(&branch.test, then, otherwise)
                }
                AstKind::ConditionalExpression(branch) => {
                    let then = branch.consequent.span().contains_inclusive(span);
                    let otherwise = branch.alternate.span().contains_inclusive(span);
                    self.reach_of_branch(&branch.test, then, otherwise)
                }
                AstKind::LogicalExpression(logical) => {
                    let right = logical.right.span().contains_inclusive(span);
                    self.reach_of_branch(
                        &logical.left,
                        right && logical.operator.is_and(),
                        right && !logical.operator.is_and(),
                    )
                }
                _ => Reach::Always,
            };
            match here {
                Reach::Never => return Reach::Never,
                Reach::Sometimes => reach = Reach::Sometimes,
                Reach::Always => {}
            }
        }
        reach
    }

    fn reach_of_branch(&self, test: &Expression<'a>, then: bool, otherwise: bool) -> Reach {
        if !then && !otherwise {
            return Reach::Always;
        }
        match production_test(test) {
            Some(value) if value == then => Reach::Always,
            Some(_) => Reach::Never,
            None if self.is_about_modules(test.span()) => Reach::Always,
            None => Reach::Sometimes,
        }
    }

    /// Tests as in wrappers that work as CommonJS, AMD and script: we are the first of these.
    fn is_about_modules(&self, test: Span) -> bool {
        let mut words = self.slice(test).split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')));
        words.any(|word| matches!(word, "exports" | "module" | "define" | "require"))
    }

    fn is_called_at_once(&self, index: usize, function: Span) -> bool {
        let mut parents = self.stack[..index]
            .iter()
            .rev()
            .filter(|kind| !matches!(kind, AstKind::ParenthesizedExpression(_)));
        match parents.next() {
            Some(AstKind::CallExpression(call)) => call.callee.span().contains_inclusive(function),
            Some(AstKind::StaticMemberExpression(member)) => {
                matches!(member.property.name.as_str(), "call" | "apply")
                    && matches!(parents.next(), Some(AstKind::CallExpression(call)) if call.callee.span().contains_inclusive(function))
            }
            _ => false,
        }
    }

    // What CommonJS code exports.

    fn is_exports(&self, expression: &Expression<'a>) -> bool {
        match expression.get_inner_expression() {
            Expression::Identifier(identifier) => self.aliases.contains(identifier.name.as_str()),
            Expression::StaticMemberExpression(member) => {
                is_module_exports(&member.object, member.property.name.as_str())
            }
            Expression::AssignmentExpression(assignment) => {
                matches!(&assignment.left, AssignmentTarget::StaticMemberExpression(member)
                    if is_module_exports(&member.object, member.property.name.as_str()))
                    || self.is_exports(&assignment.right)
            }
            _ => false,
        }
    }

    fn on_variable(&mut self, name: &str, init: &Expression<'a>) {
        if let Some(specifier) = self.required(init) {
            self.required.insert(name.to_owned(), specifier);
        } else if self.is_exports(init) {
            self.aliases.insert(name.to_owned());
        }
    }

    fn on_assignment(&mut self, left: &AssignmentTarget<'a>, right: &Expression<'a>) {
        let (object, name) = match left {
            AssignmentTarget::StaticMemberExpression(member) => {
                (&member.object, member.property.name.to_string())
            }
            AssignmentTarget::ComputedMemberExpression(member) => match literal(&member.expression) {
                Some(name) => (&member.object, name),
                None => return,
            },
            AssignmentTarget::AssignmentTargetIdentifier(identifier) => {
                if let Some(specifier) = self.required(right) {
                    self.required.insert(identifier.name.to_string(), specifier);
                }
                return;
            }
            _ => return,
        };
        if is_module_exports(object, &name) {
            if self.reach(right.span()) != Reach::Never {
                self.on_exported(right);
            }
        } else if self.is_exports(object) && self.reach(right.span()) != Reach::Never {
            self.scan.exports.names.insert(name);
        }
    }

    /// `module.exports = …`
    fn on_exported(&mut self, value: &Expression<'a>) {
        match value.get_inner_expression() {
            Expression::ObjectExpression(object) => self.on_names(&object.properties),
            Expression::Identifier(identifier) => match self.required.get(identifier.name.as_str()) {
                Some(specifier) => self.scan.exports.passed_on.push(specifier.clone()),
                None => {
                    self.aliases.insert(identifier.name.to_string());
                    self.scan.exports.is_whole = true;
                }
            },
            Expression::FunctionExpression(_) | Expression::ClassExpression(_) => {
                self.scan.exports.is_whole = true;
            }
            Expression::AssignmentExpression(assignment) => self.on_exported(&assignment.right),
            Expression::ConditionalExpression(branch) => {
                if production_test(&branch.test) != Some(false) {
                    self.on_exported(&branch.consequent);
                }
                if production_test(&branch.test) != Some(true) {
                    self.on_exported(&branch.alternate);
                }
            }
            Expression::LogicalExpression(logical) => {
                self.on_exported(&logical.left);
                self.on_exported(&logical.right);
            }
            Expression::SequenceExpression(sequence) => {
                if let Some(last) = sequence.expressions.last() {
                    self.on_exported(last);
                }
            }
            Expression::CallExpression(call) => {
                if let Some(specifier) = self.required_by(call) {
                    self.scan.exports.passed_on.push(specifier);
                }
            }
            _ => {}
        }
    }

    fn on_names(&mut self, properties: &[ObjectPropertyKind<'a>]) {
        for property in properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    let name = match &property.key {
                        PropertyKey::StaticIdentifier(name) if !property.computed => name.name.to_string(),
                        PropertyKey::StringLiteral(name) => name.value.to_string(),
                        _ => continue,
                    };
                    self.scan.exports.names.insert(name);
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    if let Some(specifier) = self.required(&spread.argument) {
                        self.scan.exports.passed_on.push(specifier);
                    }
                }
            }
        }
    }

    /// `Object.defineProperty(exports, 'name', …)`
    fn on_define(&mut self, call: &CallExpression<'a>) {
        let Expression::StaticMemberExpression(callee) = &call.callee else { return };
        let mut arguments = call.arguments.iter().map(Argument::as_expression);
        let (Some(Some(first)), second) = (arguments.next(), arguments.next().flatten()) else { return };
        match callee.property.name.as_str() {
            "defineProperty" if self.is_exports(first) => {
                if let Some(name) = second.and_then(literal) {
                    self.scan.exports.names.insert(name);
                }
            }
            "assign" if self.is_exports(first) => {
                if let Some(Expression::ObjectExpression(object)) = second {
                    self.on_names(&object.properties);
                }
            }
            // Babel: `Object.keys(_module).forEach(function (key) { … exports[key] = … })`
            "forEach" if self.slice(first.span()).contains("exports") => {
                let Expression::CallExpression(keys) = &callee.object else { return };
                let Some(Argument::Identifier(module)) = keys.arguments.first() else { return };
                if let Some(specifier) = self.required.get(module.name.as_str()) {
                    self.scan.exports.passed_on.push(specifier.clone());
                }
            }
            name => self.on_export_star(name, first),
        }
    }

    /// What TypeScript, SWC and esbuild call to define exports.
    fn on_helper(&mut self, call: &CallExpression<'a>) {
        let Expression::Identifier(callee) = &call.callee else { return };
        let mut arguments = call.arguments.iter().map(Argument::as_expression);
        let (Some(Some(first)), second) = (arguments.next(), arguments.next().flatten()) else { return };
        match (callee.name.as_str(), second) {
            ("_export" | "__export", Some(Expression::ObjectExpression(object))) => {
                self.on_names(&object.properties);
            }
            (name, _) => self.on_export_star(name, first),
        }
    }

    fn on_export_star(&mut self, callee: &str, module: &Expression<'a>) {
        if !matches!(callee, "__exportStar" | "_exportStar" | "_export_star" | "__export" | "__reExport") {
            return;
        }
        let specifier = self.required(module).or_else(|| match module {
            Expression::Identifier(variable) => self.required.get(variable.name.as_str()).cloned(),
            _ => None,
        });
        self.scan.exports.passed_on.extend(specifier);
    }
}

fn imported_name(specifier: &ImportDeclarationSpecifier<'_>) -> Option<String> {
    match specifier {
        ImportDeclarationSpecifier::ImportSpecifier(one) if one.import_kind.is_value() => {
            Some(export_name(&one.imported))
        }
        ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => Some("*".to_owned()),
        _ => None,
    }
}

fn export_name(name: &ModuleExportName<'_>) -> String {
    name.name().to_string()
}

/// A text that is written out: `'name'`, or a template without holes.
fn literal(expression: &Expression<'_>) -> Option<String> {
    match expression.get_inner_expression() {
        Expression::StringLiteral(text) => Some(text.value.to_string()),
        Expression::TemplateLiteral(template) if template.expressions.is_empty() => {
            template.quasis.first().and_then(|part| part.value.cooked.as_ref()).map(ToString::to_string)
        }
        _ => None,
    }
}

fn is_module_exports(object: &Expression<'_>, property: &str) -> bool {
    property == "exports"
        && matches!(object, Expression::Identifier(identifier) if identifier.name == "module")
}

fn is_own_url(expression: &Expression<'_>) -> bool {
    match expression.get_inner_expression() {
        Expression::StaticMemberExpression(member) => {
            member.property.name == "url" && matches!(member.object, Expression::ImportMeta(_))
        }
        _ => false,
    }
}

/// What a test of `process.env.NODE_ENV` comes to in production, if it is one.
fn production_test(test: &Expression<'_>) -> Option<bool> {
    match test.get_inner_expression() {
        Expression::BinaryExpression(binary) => {
            let sides = [(&binary.left, &binary.right), (&binary.right, &binary.left)];
            let value = sides
                .into_iter()
                .find_map(|(variable, value)| is_node_env(variable).then(|| literal(value)).flatten())?;
            match binary.operator.as_str() {
                "==" | "===" => Some(value == "production"),
                "!=" | "!==" => Some(value != "production"),
                _ => None,
            }
        }
        Expression::UnaryExpression(unary) if unary.operator.as_str() == "!" => {
            production_test(&unary.argument).map(|value| !value)
        }
        Expression::LogicalExpression(logical) => {
            let (left, right) = (production_test(&logical.left), production_test(&logical.right));
            match (logical.operator.is_and(), left, right) {
                (true, Some(false), _) | (true, _, Some(false)) => Some(false),
                (true, Some(true), Some(true)) => Some(true),
                (false, Some(true), _) | (false, _, Some(true)) => Some(true),
                (false, Some(false), Some(false)) => Some(false),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_node_env(expression: &Expression<'_>) -> bool {
    let Expression::StaticMemberExpression(variable) = expression.get_inner_expression() else {
        return false;
    };
    let Expression::StaticMemberExpression(environment) = &variable.object else { return false };
    variable.property.name == "NODE_ENV"
        && environment.property.name == "env"
        && matches!(&environment.object, Expression::Identifier(process) if process.name == "process")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_are_not_nested_code() {
        let table = "[{(".repeat(2000);
        assert!(script("a.js", &format!("export default \"{table}\""), true).is_ok());
        assert!(script("a.js", &format!("let a = '\\'{table}'; let b = 1"), true).is_ok());
        let error = script("a.js", &table, true).unwrap_err();
        assert_eq!(error, "`a.js` is nested too deeply");
    }
}

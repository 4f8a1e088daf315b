//! JavaScript cells: what they declare and use, and the few changes that make a module's text the body of a function.
//!
//! The text stays as it is wherever it can: functions of a cell are sent to workers as their source, and errors name
//! lines and columns of the file. Names at the top remain variables of the cell; the page puts accessors for them into
//! the scope that cells share. Changed are `import`, `import.meta`, and names of other cells that are assigned to.

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    AssignmentTargetPropertyIdentifier, CallExpression, Expression, IdentifierReference, ImportDeclaration,
    ImportDeclarationSpecifier, ImportMeta, ModuleDeclaration, ObjectProperty, TaggedTemplateExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::Parser;
use oxc::semantic::{Scoping, SemanticBuilder};
use oxc::span::{GetSpan as _, SourceType, Span};

use crate::compile::{Compiled, Declaration};

/// A cell's source, understood.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    source: &'a str,
    helper: String,
    declares: Vec<Declaration>,
    references: Vec<Reference>,
    edits: Vec<Edit>,
}

/// A use of a name that the cell does not declare.
#[derive(Clone, Debug)]
struct Reference {
    name: String,
    span: Span,
    role: Role,
    is_write: bool,
}

/// What stands around a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Plain,
    /// `{ name }`
    Shorthand,
    /// `name()`: called without `this`.
    Called,
}

#[derive(Clone, Debug)]
struct Edit {
    span: Span,
    text: String,
}

impl<'a> Script<'a> {
    /// Reads a source.
    ///
    /// # Errors
    ///
    /// The first mistake: where it is, in bytes, and what it is.
    pub fn parse(source: &'a str) -> Result<Self, (usize, String)> {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
        if let Some(problem) = parsed.diagnostics.iter().next() {
            return Err(described(problem));
        }
        let built = SemanticBuilder::new_compiler().build(&parsed.program);
        if let Some(problem) = built.diagnostics.iter().next() {
            return Err(described(problem));
        }
        let scoping = built.semantic.scoping();
        let mut reader = Reader {
            source,
            scoping,
            helper: helper_name(source),
            references: Vec::new(),
            edits: Vec::new(),
            problem: None,
            role: Role::Plain,
        };
        reader.visit_program(&parsed.program);
        if let Some(problem) = reader.problem {
            return Err(problem);
        }
        let Reader { helper, references, edits, .. } = reader;
        Ok(Self { source, helper, declares: declarations(scoping), references, edits })
    }

    /// The code, with the names in `live` read and written where they are kept.
    pub(crate) fn compiled(self, live: &[String]) -> Compiled {
        let Self { source, helper, declares, references, mut edits } = self;
        for Reference { name, span, role, .. } in references.iter().filter(|used| live.contains(&used.name)) {
            let text = match role {
                Role::Plain => format!("{helper}.live.{name}"),
                Role::Shorthand => format!("{name}: {helper}.live.{name}"),
                Role::Called => format!("{helper}.called.{name}"),
            };
            edits.push(Edit { span: *span, text });
        }
        let names = |only_writes: bool| {
            let used = references.iter().filter(|used| used.is_write || !only_writes);
            let mut names: Vec<String> = used.map(|used| used.name.clone()).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let (uses, assigns) = (names(false), names(true));
        Compiled { code: edited(source, edits), declares, uses, assigns, helper }
    }
}

fn edited(source: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.span.start);
    let mut code = String::with_capacity(source.len() + 64);
    let mut at = 0;
    for Edit { span, text } in edits {
        code.push_str(&source[at..span.start as usize]);
        code.push_str(&text);
        // What is behind stays in its line.
        let old = &source[span.start as usize..span.end as usize];
        code.extend(std::iter::repeat_n('\n', old.matches('\n').count()));
        at = span.end as usize;
    }
    code.push_str(&source[at..]);
    code
}

/// A name that the cell does not have.
fn helper_name(source: &str) -> String {
    let mut name = "$mh".to_owned();
    while source.contains(&name) {
        name.push('_');
    }
    name
}

fn described(problem: &oxc::diagnostics::OxcDiagnostic) -> (usize, String) {
    let offset = problem.labels.iter().next().map_or(0, |label| label.offset() as usize);
    let message = match &problem.help {
        Some(help) => format!("{problem} ({help})"),
        None => problem.to_string(),
    };
    (offset, message)
}

fn declarations(scoping: &Scoping) -> Vec<Declaration> {
    let bindings = scoping.get_bindings(scoping.root_scope_id());
    let mut declares: Vec<(u32, Declaration)> = bindings
        .values()
        .map(|&symbol| {
            let flags = scoping.symbol_flags(symbol);
            let declaration = Declaration {
                name: scoping.symbol_name(symbol).to_owned(),
                mutable: !flags.is_const_variable() && !flags.is_import(),
                assigned: scoping.symbol_is_mutated(symbol),
            };
            (scoping.symbol_span(symbol).start, declaration)
        })
        .collect();
    declares.sort_by_key(|(start, _)| *start);
    declares.into_iter().map(|(_, declaration)| declaration).collect()
}

struct Reader<'a, 's> {
    source: &'a str,
    scoping: &'s Scoping,
    helper: String,
    references: Vec<Reference>,
    edits: Vec<Edit>,
    problem: Option<(usize, String)>,
    role: Role,
}

impl Reader<'_, '_> {
    fn refuse(&mut self, span: Span, message: &str) {
        self.problem.get_or_insert_with(|| (span.start as usize, message.to_owned()));
    }

    /// Visits with what is known of the name that may be next.
    fn with_role(&mut self, role: Role, visit: impl FnOnce(&mut Self)) {
        self.role = role;
        visit(self);
        self.role = Role::Plain;
    }
}

impl<'a> Visit<'a> for Reader<'_, '_> {
    fn visit_identifier_reference(&mut self, name: &IdentifierReference<'a>) {
        let role = std::mem::replace(&mut self.role, Role::Plain);
        let Some(id) = name.reference_id.get() else { return };
        let reference = self.scoping.get_reference(id);
        if reference.symbol_id().is_none() && name.name != "arguments" && name.name != "undefined" {
            let is_write = reference.is_write();
            self.references.push(Reference { name: name.name.to_string(), span: name.span, role, is_write });
        }
    }

    fn visit_object_property(&mut self, property: &ObjectProperty<'a>) {
        match (&property.value, property.shorthand) {
            (Expression::Identifier(name), true) => {
                self.with_role(Role::Shorthand, |reader| reader.visit_identifier_reference(name));
            }
            _ => walk::walk_object_property(self, property),
        }
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        property: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        self.with_role(Role::Shorthand, |reader| reader.visit_identifier_reference(&property.binding));
        if let Some(init) = &property.init {
            self.visit_expression(init);
        }
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        match &call.callee {
            Expression::Identifier(name) => {
                self.with_role(Role::Called, |reader| reader.visit_identifier_reference(name));
                self.visit_arguments(&call.arguments);
            }
            _ => walk::walk_call_expression(self, call),
        }
    }

    fn visit_tagged_template_expression(&mut self, template: &TaggedTemplateExpression<'a>) {
        match &template.tag {
            Expression::Identifier(name) => {
                self.with_role(Role::Called, |reader| reader.visit_identifier_reference(name));
                self.visit_template_literal(&template.quasi);
            }
            _ => walk::walk_tagged_template_expression(self, template),
        }
    }

    fn visit_import_meta(&mut self, meta: &ImportMeta) {
        self.edits.push(Edit { span: meta.span, text: format!("{}.meta", self.helper) });
    }

    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        if import.with_clause.is_some() || import.phase.is_some() {
            self.refuse(import.span, "attributes of an import are not supported in a cell: use `import(…)`");
            return;
        }
        let specifier = import.source.span.source_text(self.source);
        let call = format!("await {}.import({specifier})", self.helper);
        let text = match &import.specifiers {
            Some(specifiers) if !specifiers.is_empty() => {
                format!("const {};", bindings(specifiers, &call, self.source))
            }
            _ => format!("{call};"),
        };
        self.edits.push(Edit { span: import.span, text });
    }

    fn visit_module_declaration(&mut self, declaration: &ModuleDeclaration<'a>) {
        match declaration {
            ModuleDeclaration::ImportDeclaration(import) => self.visit_import_declaration(import),
            export => {
                self.refuse(
                    export.span(),
                    "a cell has no exports: later cells see the names at its top as they are",
                );
            }
        }
    }
}

/// `import` clauses as patterns.
fn bindings(specifiers: &[ImportDeclarationSpecifier<'_>], call: &str, source: &str) -> String {
    let mut namespace = None;
    let mut properties = Vec::new();
    for specifier in specifiers {
        match specifier {
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(whole) => {
                namespace = Some(whole.local.name.as_str())
            }
            ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                properties.push(format!("default: {}", default.local.name));
            }
            ImportDeclarationSpecifier::ImportSpecifier(one) => {
                let imported = one.imported.span().source_text(source);
                properties.push(format!("{imported}: {}", one.local.name));
            }
        }
    }
    let pattern = format!("{{ {} }}", properties.join(", "));
    match namespace {
        None => format!("{pattern} = {call}"),
        Some(name) if properties.is_empty() => format!("{name} = {call}"),
        Some(name) => format!("{name} = {call}, {pattern} = {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(source: &str, live: &[&str]) -> Compiled {
        let live: Vec<String> = live.iter().map(|&name| name.to_owned()).collect();
        Script::parse(source).unwrap().compiled(&live)
    }

    fn declared(source: &str) -> Vec<String> {
        compiled(source, &[]).declares.into_iter().map(|declaration| declaration.name).collect()
    }

    #[test]
    fn names_at_the_top_are_declared_and_no_others() {
        let source = "const a = 1, { b, c: [d, ...e] } = {}; let f; function g(h) { var i } class J {}\n\
            if (a) { var k; let l; const m = 1 } for (let n of []) {} for (var o in {}) {}";
        assert_eq!(declared(source), ["a", "b", "d", "e", "f", "g", "J", "k", "o"]);
    }

    #[test]
    fn what_is_assigned_to_later_is_known() {
        let declares = compiled("let a = 1; let b; const c = () => { b = 2 }", &[]).declares;
        let facts: Vec<_> = declares.iter().map(|it| (it.name.as_str(), it.mutable, it.assigned)).collect();
        assert_eq!(facts, [("a", true, false), ("b", true, true), ("c", false, false)]);
    }

    #[test]
    fn uses_are_free_names() {
        let it = compiled("const f = (x) => x + y; z = 1; w++; f(q.r); ({ s, t: u }); typeof v", &[]);
        assert_eq!(it.uses, ["q", "s", "u", "v", "w", "y", "z"]);
        assert_eq!(it.assigns, ["w", "z"]);
    }

    #[test]
    fn text_without_imports_and_live_names_stays_as_it_is() {
        let source = "const f = ({args}) => {\n  // `count`\n  return args.count\n}\n";
        assert_eq!(compiled(source, &["other"]).code, source);
    }

    #[test]
    fn live_names_are_read_where_they_are_kept() {
        let it = compiled("n += 1\nf({ n })\n;({ n, m: n = 2 } = o);\nf`${n}`; ((n) => n)(n)", &["n", "f"]);
        assert_eq!(
            it.code,
            "$mh.live.n += 1\n$mh.called.f({ n: $mh.live.n })\n;({ n: $mh.live.n, m: $mh.live.n = 2 } = o);\n\
             $mh.called.f`${$mh.live.n}`; ((n) => n)($mh.live.n)"
        );
    }

    #[test]
    fn imports_become_patterns_and_keep_their_lines() {
        for (source, expected) in [
            ("import 'a'", "await $mh.import('a');"),
            ("import a from 'a'", "const { default: a } = await $mh.import('a');"),
            ("import * as a from \"a\";x", "const a = await $mh.import(\"a\");x"),
            ("import d, * as a from 'a'", "const a = await $mh.import('a'), { default: d } = a;"),
            (
                "import {\n  a,\n  b as c,\n  'x y' as z\n} from 'a'\nlast",
                "const { a: a, b: c, 'x y': z } = await $mh.import('a');\n\n\n\n\nlast",
            ),
            ("new URL('./a.js', import.meta.url)", "new URL('./a.js', $mh.meta.url)"),
        ] {
            assert_eq!(compiled(source, &[]).code, expected);
        }
        assert_eq!(declared("import d, { a as b } from 'a'"), ["d", "b"]);
    }

    #[test]
    fn the_helper_has_a_name_that_the_cell_has_not() {
        assert_eq!(compiled("const $mh = import.meta", &[]).code, "const $mh = $mh_.meta");
    }

    #[test]
    fn await_is_allowed_and_exports_are_not() {
        compiled("await 1; for await (const x of []) {}", &[]);
        let (offset, message) = Script::parse("1;\nexport const a = 1").unwrap_err();
        assert_eq!(offset, 3);
        assert!(message.starts_with("a cell has no exports"), "{message}");
        assert!(Script::parse("return 1").is_err());
        assert!(Script::parse("let a; let a").is_err());
    }
}

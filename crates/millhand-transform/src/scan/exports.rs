//! What CommonJS code exports, as far as its syntax says.

use super::reach::production_test;
use super::*;

impl<'a> Visitor<'a, '_> {
    pub(super) fn is_exports(&self, expression: &Expression<'a>) -> bool {
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

    pub(super) fn on_variable(&mut self, name: &str, init: &Expression<'a>) {
        if let Some(specifier) = self.required(init) {
            self.required.insert(name.to_owned(), specifier);
        } else if self.is_exports(init) {
            self.aliases.insert(name.to_owned());
        }
    }

    pub(super) fn on_assignment(&mut self, left: &AssignmentTarget<'a>, right: &Expression<'a>) {
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
    pub(super) fn on_exported(&mut self, value: &Expression<'a>) {
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

    pub(super) fn on_names(&mut self, properties: &[ObjectPropertyKind<'a>]) {
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
    pub(super) fn on_define(&mut self, call: &CallExpression<'a>) {
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
    pub(super) fn on_helper(&mut self, call: &CallExpression<'a>) {
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

    pub(super) fn on_export_star(&mut self, callee: &str, module: &Expression<'a>) {
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

//! Whether code runs when its module is loaded, only when it is called, or only in development.

use super::*;

impl<'a> Visitor<'a, '_> {
    /// Whether what is at `span` runs when the module is loaded.
    pub(super) fn reach(&self, span: Span) -> Reach {
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

    pub(super) fn reach_of_branch(&self, test: &Expression<'a>, then: bool, otherwise: bool) -> Reach {
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
    pub(super) fn is_about_modules(&self, test: Span) -> bool {
        let mut words = self.slice(test).split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')));
        words.any(|word| matches!(word, "exports" | "module" | "define" | "require"))
    }

    pub(super) fn is_called_at_once(&self, index: usize, function: Span) -> bool {
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
}

/// What a test of `process.env.NODE_ENV` comes to in production, if it is one.
pub(super) fn production_test(test: &Expression<'_>) -> Option<bool> {
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

pub(super) fn is_node_env(expression: &Expression<'_>) -> bool {
    let Expression::StaticMemberExpression(variable) = expression.get_inner_expression() else {
        return false;
    };
    let Expression::StaticMemberExpression(environment) = &variable.object else { return false };
    variable.property.name == "NODE_ENV"
        && environment.property.name == "env"
        && matches!(&environment.object, Expression::Identifier(process) if process.name == "process")
}

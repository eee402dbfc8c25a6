//! The resources of a plan as `terraform show -json` prints it, and what each refers to.
//!
//! <https://developer.hashicorp.com/terraform/internals/json-format>

use std::{collections::HashMap, sync::LazyLock};

use serde_json::Value;

use crate::doctor::facts::{Fact, Unknown};

/// The module of this repository that makes the bucket: beside it are the others.
const BUCKET_MODULE: &str = ".module.status_store.";

static NOTHING: LazyLock<Value> = LazyLock::new(|| Value::Null);

/// A plan, or a state.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    resources: Vec<Resource<'a>>,
}

#[derive(Debug)]
pub(super) struct Resource<'a> {
    pub(super) address: &'a str,
    pub(super) kind: &'a str,
    name: &'a str,
    /// The address of its module, with a full stop behind it.
    pub(super) module: &'a str,
    pub(super) index: Option<&'a Value>,
    values: &'a Value,
    unknown: &'a Value,
    /// The configuration's expressions; null where there are none.
    expressions: &'a Value,
}

impl<'a> Plan<'a> {
    /// The resources that a plan leaves behind.
    ///
    /// # Errors
    /// If it is no plan and no state.
    pub(super) fn new(document: &'a Value) -> Result<Self, String> {
        let root = [&document["planned_values"], &document["values"]].into_iter().find_map(|v| v.get("root_module"));
        let root = root.ok_or(
            "this is no plan as JSON: it has no planned_values. `terraform plan -out=plan` and `terraform show -json \
             plan` make one",
        )?;
        let changes: HashMap<&str, &Value> = document["resource_changes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|c| Some((c["address"].as_str()?, c["change"].get("after_unknown")?)))
            .collect();
        let mut plan = Self { resources: Vec::new() };
        plan.collect(root, "", &document["configuration"]["root_module"], &changes);
        if plan.resources.is_empty() {
            return Err("there are no resources in this plan".to_owned());
        }
        plan.keep_deployments();
        Ok(plan)
    }

    fn collect(
        &mut self,
        module: &'a Value,
        address: &'a str,
        configuration: &'a Value,
        changes: &HashMap<&str, &'a Value>,
    ) {
        for resource in module["resources"].as_array().into_iter().flatten() {
            let text = |name: &str| resource[name].as_str();
            let (Some(at), Some(kind), Some(name)) = (text("address"), text("type"), text("name")) else { continue };
            if text("mode") != Some("managed") {
                continue;
            }
            let configured = configuration["resources"].as_array().into_iter().flatten();
            let expressions =
                configured.filter(|r| r["type"] == kind && r["name"] == name).find_map(|r| r.get("expressions"));
            self.resources.push(Resource {
                address: at,
                kind,
                name,
                module: address,
                index: resource.get("index"),
                values: resource.get("values").unwrap_or(&NOTHING),
                unknown: changes.get(at).copied().unwrap_or(&NOTHING),
                expressions: expressions.unwrap_or(&NOTHING),
            });
        }
        for child in module["child_modules"].as_array().into_iter().flatten() {
            let Some(at) = child["address"].as_str() else { continue };
            let name = at[address.len()..].trim_start_matches(".module.").trim_start_matches("module.");
            let call = &configuration["module_calls"][name.split('[').next().unwrap_or(name)];
            self.collect(child, at, &call["module"], changes);
        }
    }

    /// Leaves out what does not belong to a deployment of this service, where its modules are seen.
    fn keep_deployments(&mut self) {
        let roots: Vec<String> = self
            .resources
            .iter()
            .filter_map(|r| Some(format!("{}.", &r.address[..r.address.find(BUCKET_MODULE)?])))
            .collect();
        if !roots.is_empty() {
            self.resources.retain(|r| roots.iter().any(|root| r.address.starts_with(root.as_str())));
        }
    }

    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Resource<'a>> {
        self.resources.iter().filter(move |r| r.kind == kind)
    }

    /// The resource at an address.
    pub(super) fn at(&self, address: &str) -> Option<&Resource<'a>> {
        self.resources.iter().find(|r| r.address == address)
    }

    /// What an attribute of a resource refers to by its configuration, of this kind.
    pub(super) fn referred(&self, from: &Resource<'_>, attribute: &str, kind: &str) -> Option<&Resource<'a>> {
        let references = from.references(attribute).filter_map(|r| r.strip_prefix(kind)?.strip_prefix('.'));
        let mut names = references.map(|rest| rest.split(['.', '[']).next().unwrap_or(rest));
        let name = names.next()?;
        let mut of_name = self.of_kind(kind).filter(|r| r.module == from.module && r.name == name);
        let first = of_name.next()?;
        let mut all = std::iter::once(first).chain(of_name);
        let wanted = format!("{kind}.{name}[");
        let given = from.references(attribute).find_map(|r| r.strip_prefix(&wanted)?.split(']').next());
        match given {
            // As Terraform writes it: a number, or a string in quotes.
            Some(index) => {
                let index = serde_json::from_str::<Value>(index).ok()?;
                all.find(|r| r.index == Some(&index))
            }
            // each.key and count.index are the resource's own.
            None => all.find(|r| r.index.is_none() || r.index == from.index),
        }
    }

    /// Of this kind, the resources that belong to `owner` by an attribute: its id, ARN or name, or
    /// a reference to it.
    pub(super) fn of(&self, owner: &Resource<'_>, kind: &str, attribute: &str) -> impl Iterator<Item = &Resource<'a>> {
        self.of_kind(kind).filter(move |r| match r.text(attribute) {
            Ok(Some(value)) => {
                ["id", "arn", "name", "bucket", "url"].into_iter().any(|own| owner.values[own].as_str() == Some(value))
            }
            Ok(None) => false,
            Err(_) => self.referred(r, attribute, owner.kind).is_some_and(|to| to.address == owner.address),
        })
    }
}

impl Resource<'_> {
    /// A value, by names of attributes and numbers of blocks; null where it is not set.
    pub(super) fn value(&self, path: &[&str]) -> Fact<&Value> {
        let (mut value, mut unknown) = (self.values, self.unknown);
        for (depth, step) in path.iter().enumerate() {
            let down = |v: &'_ Value| -> Option<usize> { v.is_array().then(|| step.parse().ok()).flatten() };
            unknown = match down(unknown) {
                Some(n) => &unknown[n],
                None => &unknown[*step],
            };
            value = match down(value) {
                Some(n) => &value[n],
                None => &value[*step],
            };
            if *unknown == Value::Bool(true) {
                // What the provider fills in is not set by anybody.
                let configured = depth > 0 || !self.expressions.is_object() || self.expressions.get(step).is_some();
                return if configured { Err(after_apply(step)) } else { Ok(&NOTHING) };
            }
        }
        Ok(value)
    }

    /// A text; `None` where it is not set, or empty.
    pub(super) fn text(&self, attribute: &str) -> Fact<Option<&str>> {
        Ok(self.value(&[attribute])?.as_str().filter(|text| !text.is_empty()))
    }

    pub(super) fn number(&self, attribute: &str, default: u64) -> Fact<u64> {
        Ok(self.value(&[attribute])?.as_u64().unwrap_or(default))
    }

    /// The blocks of this name.
    pub(super) fn blocks(&self, name: &str) -> Fact<&[Value]> {
        Ok(self.value(&[name])?.as_array().map(Vec::as_slice).unwrap_or_default())
    }

    /// What of a block of values is unknown: null, true, or the same shape.
    pub(super) fn unknown_of(&self, name: &str) -> &Value {
        &self.unknown[name]
    }

    /// What the configuration's expression refers to.
    pub(super) fn references(&self, attribute: &str) -> impl Iterator<Item = &str> {
        let references = self.expressions[attribute]["references"].as_array();
        references.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Its name, by the attribute that names it; else its address.
    pub(super) fn name_by(&self, attribute: &str) -> String {
        self.text(attribute).ok().flatten().unwrap_or(self.address).to_owned()
    }
}

pub(super) fn after_apply(attribute: &str) -> Unknown {
    Unknown(format!("{attribute} is known only after apply"))
}

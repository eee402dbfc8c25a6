//! A plan that a test breaks.

use serde_json::{Value, json};

/// A plan as JSON, cut down by verify/doctor/prune.py.
pub(crate) struct Plan(Value);

impl Plan {
    pub(crate) fn named(name: &str) -> Self {
        let path = format!("{}/tests/doctor/{name}.json", env!("CARGO_MANIFEST_DIR"));
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }

    /// Changes the values of every resource whose address ends so, of which there must be one.
    pub(crate) fn change(mut self, address: &str, change: impl Fn(&mut Value)) -> Self {
        let mut changed = 0;
        for_each(&mut self.0["planned_values"]["root_module"], &mut |resources| {
            for resource in resources.iter_mut().filter(|r| r["address"].as_str().unwrap().ends_with(address)) {
                change(&mut resource["values"]);
                changed += 1;
            }
        });
        assert!(changed > 0, "there is no {address}");
        self
    }

    pub(crate) fn set(self, address: &str, attribute: &str, value: &Value) -> Self {
        self.change(address, |values| values[attribute] = value.clone())
    }

    /// Takes resources away whose address has this in it.
    pub(crate) fn without(mut self, address: &str) -> Self {
        let mut gone = 0;
        for_each(&mut self.0["planned_values"]["root_module"], &mut |resources| {
            let before = resources.len();
            resources.retain(|r| !r["address"].as_str().unwrap().contains(address));
            gone += before - resources.len();
        });
        assert!(gone > 0, "there is no {address}");
        self
    }

    /// Adds a resource to the root module of the service.
    pub(crate) fn with(mut self, kind: &str, name: &str, values: &Value) -> Self {
        let resource = json!({
            "address": format!("module.offload.{kind}.{name}"), "mode": "managed", "type": kind, "name": name,
            "values": values,
        });
        let module = &mut self.0["planned_values"]["root_module"]["child_modules"][0]["resources"];
        module.as_array_mut().unwrap().push(resource);
        self
    }

    /// Takes an attribute out of the configuration of a module's resource.
    pub(crate) fn without_expression(mut self, module: &[&str], name: &str, attribute: &str) -> Self {
        let mut configuration = &mut self.0["configuration"]["root_module"];
        for call in module {
            configuration = &mut configuration["module_calls"][call]["module"];
        }
        let resources = configuration["resources"].as_array_mut().unwrap();
        let resource = resources
            .iter_mut()
            .find(|r| format!("{}.{}", r["type"].as_str().unwrap(), r["name"].as_str().unwrap()) == name);
        assert!(resource.unwrap()["expressions"].as_object_mut().unwrap().remove(attribute).is_some());
        self
    }
}

fn for_each(module: &mut Value, act: &mut impl FnMut(&mut Vec<Value>)) {
    if let Some(resources) = module["resources"].as_array_mut() {
        act(resources);
    }
    for child in module["child_modules"].as_array_mut().into_iter().flatten() {
        for_each(child, act);
    }
}

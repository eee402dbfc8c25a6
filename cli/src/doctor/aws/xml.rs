//! What the checks read of AWS's XML.

use roxmltree::{Document, Node};

use crate::doctor::facts::{Fact, Unknown};

/// Parses an answer, and reads it.
pub(super) fn read<T>(text: &str, read: impl FnOnce(Node<'_, '_>) -> T) -> Fact<T> {
    let document = Document::parse(text).map_err(|_| Unknown("an answer is no XML".to_owned()))?;
    Ok(read(document.root_element()))
}

/// All elements of a name within an element.
pub(super) fn all<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.descendants().filter(move |n| n.tag_name().name() == name)
}

/// The text of the first element of a name within an element.
pub(super) fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    all(node, name).next().and_then(|n| n.text())
}

/// The texts of all elements of a name within an element.
pub(super) fn texts(node: Node<'_, '_>, name: &'static str) -> Vec<String> {
    all(node, name).filter_map(|n| n.text()).map(str::to_owned).collect()
}

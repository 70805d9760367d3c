//! Forms: `application/x-www-form-urlencoded`.

use serde_json::{Map, Value};

/// The fields of a form in the order in which they came.
pub(super) type Fields = Vec<(String, String)>;

/// Reads a form. Bytes that are not UTF-8 are replaced.
pub(super) fn parse(body: &[u8]) -> Fields {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Returns the form as a JSON object of texts. A field that came several times is a list.
pub(super) fn to_json(fields: &Fields) -> Value {
    let mut object = Map::new();
    for (name, text) in fields {
        let text = Value::String(text.clone());
        match object.get_mut(name) {
            None => {
                object.insert(name.clone(), text);
            }
            Some(Value::Array(several)) => several.push(text),
            Some(one) => *one = Value::Array(vec![one.take(), text]),
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_becomes_an_object_of_texts_and_lists() {
        let fields = parse(b"event=hangup&call_uuid=a%2Fb&answered=1&x=1&x=2&x=%C5%9F+y&empty=");
        assert_eq!(
            to_json(&fields).to_string(),
            r#"{"answered":"1","call_uuid":"a/b","empty":"","event":"hangup","x":["1","2","ş y"]}"#
        );
        assert_eq!(to_json(&parse(b"")).to_string(), "{}");
    }
}

//! The HTML around a notebook's page: head, bar and what the page's script reads.

use serde_json::json;

use crate::routes::notebook::PageData;

/// A page that can run.
pub(crate) fn page(data: &PageData<'_>, has_list: bool) -> String {
    let json = serde_json::to_value(data).map(|mut value| {
        // It is in the document already.
        if let Some(fields) = value.as_object_mut() {
            fields.remove("html");
        }
        value
    });
    let list = if has_list { "<a href=\"/\">All pages</a>" } else { "" };
    let bar = format!(
        "<nav class=\"mh-bar\">{list}<span class=\"mh-bar-space\"></span><span data-role=\"status\" role=\"status\"></span>\
         <button type=\"button\" data-role=\"stop\" title=\"ends a task in a worker; waits no longer for code in the page\" hidden>Stop\
         </button><a data-role=\"run-all\" href=\"?run=all\">Run all</a></nav>"
    );
    let body = format!("{bar}\n<main class=\"mh-page\">\n{}</main>", data.page.html);
    document(&data.page.title, "loading", &body, Some(json.unwrap_or_default()))
}

/// A page with a mistake, which shows itself once that is mended.
pub(crate) fn failed(name: &str, version: &str, message: &str, hint: Option<String>) -> String {
    let hint = hint.map_or_else(String::new, |hint| format!("<p>{}</p>", escaped(&hint)));
    let body = format!(
        "<main class=\"mh-page\"><h1>This page cannot be shown</h1><pre class=\"mh-error\">{}</pre>{hint}</main>",
        escaped(message)
    );
    document(name, "failed", &body, Some(json!({ "name": name, "version": version, "failed": true })))
}

/// The pages of a folder.
pub(crate) fn list(pages: &[String], suffix: &str) -> String {
    let items: String = pages
        .iter()
        .map(|name| {
            let href: String = name.split('/').map(encoded).collect::<Vec<_>>().join("/");
            format!("<li><a href=\"/{href}{suffix}\">{}</a></li>\n", escaped(name))
        })
        .collect();
    let body =
        format!("<main class=\"mh-page\"><h1>Pages</h1>\n<ul class=\"mh-pages\">\n{items}</ul></main>");
    document("Pages", "ready", &body, None)
}

fn document(title: &str, state: &str, body: &str, data: Option<serde_json::Value>) -> String {
    let data = data.map_or_else(String::new, |data| {
        // Text in a script ends at `</script`, whatever is around it.
        let json = data.to_string().replace('<', "\\u003c");
        format!(
            "<script type=\"application/json\" id=\"mh-data\">{json}</script>\n\
             <script type=\"module\" src=\"/millhand/notebook.js\"></script>\n"
        )
    });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/millhand/notebook.css\">\n{data}</head>\n\
         <body data-state=\"{state}\">\n{body}\n</body>\n</html>\n",
        escaped(title)
    )
}

fn encoded(segment: &str) -> String {
    percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

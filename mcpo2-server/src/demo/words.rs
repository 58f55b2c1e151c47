//! What stands around the table.

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use mcpo2_audit::Report;
use serde_json::json;

use super::{check::Check, place::Place, script::Keys};

/// The marks of the table and of the checks, and the colour (SGR) of each.
const MARKS: [(char, u8); 3] = [('✔', 32), ('✘', 31), ('◌', 33)];

pub(super) struct Words<'a> {
    pub(super) place: &'a Place,
    pub(super) is_colourful: bool,
}

impl Words<'_> {
    pub(super) fn introduce(&self, out: &mut impl Write) -> io::Result<()> {
        let title = self.styled(1, "MCPO2: one gateway, three modules, two tenants");
        writeln!(
            out,
            "\n{title}\n\
             ana and ben are analysts of acme, dora is a designer of globex. Each call went over HTTP \
             as MCP 2026-07-28;\nwhat follows is read back from the ledger.\n"
        )
    }

    /// The table, its marks in colour. They are coloured last, so that no width counts colours.
    pub(super) fn table(&self, out: &mut impl Write, table: &str) -> io::Result<()> {
        writeln!(out, "{}\n", self.marked(table))
    }

    pub(super) fn checks(
        &self,
        out: &mut impl Write,
        checks: &[Check],
        took: Duration,
    ) -> io::Result<()> {
        for Check { says, holds } in checks {
            let mark = if *holds { '✔' } else { '✘' };
            writeln!(out, "{}", self.marked(&format!("{mark} {says}")))?;
        }
        writeln!(out, "  all of it in {} ms\n", took.as_millis())
    }

    pub(super) fn ledger(&self, out: &mut impl Write, report: &Report) -> io::Result<()> {
        let verified = self.marked("✔ the ledger verifies");
        writeln!(
            out,
            "{verified}: {} records under {} signed checkpoints\n  \
             origin  {}\n  ledger  {}\n",
            report.extent.size,
            report.counts.commits,
            report.origin,
            self.place.ledger().display()
        )
    }

    pub(super) fn next(&self, out: &mut impl Write) -> io::Result<()> {
        let (dir, ledger) = (self.place.dir().display(), self.place.ledger());
        writeln!(
            out,
            "{}\n  \
             mcpo2 audit verify {ledger}\n  \
             mcpo2 audit tail -n 3 {ledger}\n  \
             mcpo2 check -f {dir}/demo.yaml\n  \
             mcpo2 demo --serve              keeps it running, for a client of your own\n  \
             mcpo2 serve -- COMMAND …        puts it before a module of your own",
            self.styled(1, "Try next"),
            ledger = ledger.display()
        )
    }

    pub(super) fn serving(
        &self,
        out: &mut impl Write,
        address: SocketAddr,
        keys: &Keys,
    ) -> io::Result<()> {
        let url = format!("http://{address}/mcp");
        let bearer = |key: &str| format!("Bearer {key}");
        let ana = bearer(keys.ana.text().expose());
        let entry = json!({ "type": "http", "url": url, "headers": { "Authorization": ana } });
        let title = self.styled(1, &format!("Serving on {url} until Ctrl-C"));
        writeln!(out, "{title}\n")?;
        for (who, key) in [
            ("acme/ana", &keys.ana),
            ("acme/ben", &keys.ben),
            ("globex/dora", &keys.dora),
        ] {
            writeln!(out, "  {who:<12} {}", key.text().expose())?;
        }
        writeln!(
            out,
            "\ncurl -s {url} -H 'Authorization: {ana}' \\\n  \
             -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\\n  \
             -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/list' \\\n  \
             -d '{}'\n",
            curl_body()
        )?;
        let claude = json!({ "mcpServers": { "mcpo2": entry } });
        let code = json!({ "servers": { "mcpo2": entry } });
        writeln!(
            out,
            "Claude (.mcp.json):\n{claude:#}\n\nVS Code (.vscode/mcp.json):\n{code:#}"
        )?;
        out.flush()
    }

    fn marked(&self, text: &str) -> String {
        let colour = |text: String, &(mark, colour): &(char, u8)| {
            text.replace(mark, &self.styled(colour, &mark.to_string()))
        };
        MARKS.iter().fold(text.to_owned(), colour)
    }

    fn styled(&self, sgr: u8, text: &str) -> String {
        match self.is_colourful {
            true => format!("\x1b[{sgr}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

fn curl_body() -> serde_json::Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "curl", "version": "8" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": meta } })
}

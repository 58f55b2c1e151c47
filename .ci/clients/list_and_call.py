"""Drive a server-everything with the Python `mcp` client and check what comes back.

Usage: list_and_call.py [--mode auto|legacy] [--protocol VERSION] (URL | -- COMMAND ARGS...)

Exits 0 only when every answer is the expected one and, with --protocol, when that version was
negotiated.
"""

import argparse
import asyncio

import mcp
from mcp.client.stdio import StdioServerParameters

TOOLS = {"echo", "get-sum", "get-structured-content"}


def check(what, got, wanted):
    """Fail loudly: an `assert` would vanish under `python -O`."""
    if got != wanted:
        raise SystemExit(f"python mcp: {what}: got {got!r}, wanted {wanted!r}")


async def text_of(client, tool, arguments):
    result = await client.call_tool(tool, arguments)
    check(f"{tool}: is_error", result.is_error, False)
    check(f"{tool}: kinds of content", [block.type for block in result.content], ["text"])
    return result.content[0].text


async def exercise(client, protocol):
    if protocol is not None:
        check("protocol", client.protocol_version, protocol)
    tools = {tool.name for tool in (await client.list_tools()).tools}
    check("missing tools", TOOLS - tools, set())
    check("echo", await text_of(client, "echo", {"message": "grüße 東京"}), "Echo: grüße 東京")
    check("get-sum", await text_of(client, "get-sum", {"a": 2, "b": 40}), "The sum of 2 and 40 is 42.")
    weather = await client.call_tool("get-structured-content", {"location": "Chicago"})
    check("structured keys", set(weather.structured_content), {"temperature", "conditions", "humidity"})

    prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
    check("simple-prompt listed", "simple-prompt" in prompts, True)
    prompt = await client.get_prompt("simple-prompt")
    check("prompt roles", [message.role for message in prompt.messages], ["user"])

    resources = (await client.list_resources()).resources
    check("resources listed", len(resources) > 0, True)
    contents = (await client.read_resource(resources[0].uri)).contents
    check("resource has text", len(contents[0].text) > 0, True)
    templates = (await client.list_resource_templates()).resource_templates
    check("templates listed", len(templates) > 0, True)
    return len(tools), len(prompts), len(resources)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["auto", "legacy"], default="auto")
    parser.add_argument("--protocol", help="the version that must be negotiated")
    parser.add_argument("target", nargs="+", help="a URL, or a command and its arguments")
    return parser.parse_args()


async def main():
    arguments = parse_arguments()
    head, *rest = arguments.target
    is_url = head.startswith(("http://", "https://"))
    server = head if is_url else StdioServerParameters(command=head, args=rest)
    async with asyncio.timeout(60):
        async with mcp.Client(server, mode=arguments.mode, read_timeout_seconds=20) as client:
            tools, prompts, resources = await exercise(client, arguments.protocol)
            print(
                f"python mcp ({arguments.mode}): protocol {client.protocol_version}, "
                f"{tools} tools, {prompts} prompts, {resources} resources: ok"
            )


asyncio.run(main())

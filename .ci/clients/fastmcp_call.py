"""Drive a server-everything over HTTP with the Python `fastmcp` client and check what comes back.

Usage: fastmcp_call.py URL [PREFIX]
"""

import asyncio
import sys

import fastmcp


def check(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"fastmcp: {what}: got {got!r}, wanted {wanted!r}")


async def elicit(message, response_type, params, context):
    return {"name": "Ada"}


async def main():
    url, prefix = sys.argv[1], "".join(sys.argv[2:3])
    seen = []

    async def note(progress, total, message):
        seen.append(progress)

    async with asyncio.timeout(60):
        async with fastmcp.Client(url, elicitation_handler=elicit) as client:
            tools = {tool.name for tool in await client.list_tools()}
            check("missing tools", {prefix + name for name in ("echo", "get-sum")} - tools, set())
            echo = await client.call_tool(prefix + "echo", {"message": "hello"})
            check("echo", [block.text for block in echo.content], ["Echo: hello"])
            total = await client.call_tool(prefix + "get-sum", {"a": 2, "b": 40})
            check("get-sum", [block.text for block in total.content], ["The sum of 2 and 40 is 42."])
            long = prefix + "trigger-long-running-operation"
            await client.call_tool(long, {"duration": 0.4, "steps": 4}, progress_handler=note)
            check(f"progress {seen}", seen[:3], [1, 2, 3])
            asked = await client.call_tool(prefix + "trigger-elicitation-request", {})
            check("elicitation", any("Name: Ada" in block.text for block in asked.content), True)
            prompts = {prompt.name for prompt in await client.list_prompts()}
            check("missing prompts", {prefix + "simple-prompt"} - prompts, set())
            read = await client.read_resource("demo://resource/dynamic/text/7")
            check("resource", "Resource 7" in read[0].text, True)
            print("fastmcp: everything: tools, prompts, resources, progress, elicitation: ok")


asyncio.run(main())

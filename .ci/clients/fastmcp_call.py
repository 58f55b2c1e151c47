"""Drive a server-everything over HTTP with the Python `fastmcp` client and check what comes back.

Usage: fastmcp_call.py URL
"""

import asyncio
import sys

import fastmcp


def check(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"fastmcp: {what}: got {got!r}, wanted {wanted!r}")


async def main():
    async with asyncio.timeout(60):
        async with fastmcp.Client(sys.argv[1]) as client:
            tools = {tool.name for tool in await client.list_tools()}
            check("missing tools", {"echo", "get-sum"} - tools, set())
            echo = await client.call_tool("echo", {"message": "hello"})
            check("echo", [block.text for block in echo.content], ["Echo: hello"])
            total = await client.call_tool("get-sum", {"a": 2, "b": 40})
            check("get-sum", [block.text for block in total.content], ["The sum of 2 and 40 is 42."])
            prompts = await client.list_prompts()
            check("prompts listed", len(prompts) > 0, True)
            print(f"fastmcp: {len(tools)} tools, {len(prompts)} prompts: ok")


asyncio.run(main())

"""A flow that orders something through an API, on the way of which a model chooses and phrases."""

from __future__ import annotations

import os

from answerback import Agent, Listen
from answerback.flows import load

ITEM = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}

flow = Agent(
    "shop",
    flow=load(
        {
            "system_prompt": "You sell widgets.",
            "initial_node": "welcome",
            "environment_variables": {"API": "https://shop.example.com"},
            "nodes": [
                {
                    "id": "welcome",
                    "static_text": "What do you need?",
                    "edges": [
                        {
                            "id": "commissions",
                            "condition": "They want something written",
                            "guard": "message is matches('^write ')",
                            "target_node_id": "moment",
                        },
                        {"id": "orders", "condition": "They name it", "input_schema": ITEM, "target_node_id": "advise"},
                        {
                            "id": "pays",
                            "condition": "They pay at once",
                            "guard": "message == 'pay'",
                            "actions": [{"action_id": "charge"}],
                            "target_node_id": "paid",
                        },
                    ],
                },
                {
                    "id": "advise",
                    "instruction": "Praise {{ item }} and ask whether to buy it",
                    "edges": [{"id": "enough", "condition": "They have heard enough", "target_node_id": "bye"}],
                },
                {
                    "id": "moment",
                    "static_text": "One moment.",
                    "auto_proceed": True,
                    "edges": [
                        {"id": "on", "guard": "true", "actions": [{"action_id": "charge"}], "target_node_id": "poem"}
                    ],
                },
                {
                    "id": "poem",
                    "instruction": "Write what they ask for",
                    "auto_proceed": True,
                    "edges": [{"id": "written", "guard": "true", "target_node_id": "bye"}],
                },
                {
                    "id": "paid",
                    "node_type": "router",
                    "edges": [
                        {"id": "ok", "condition": "charge.success is true", "target_node_id": "bye"},
                        {"id": "not", "condition": "charge.success is false", "target_node_id": "welcome"},
                    ],
                },
                {"id": "bye", "static_text": "Thank you, order {{ charge.data.order }}.", "is_final": True},
            ],
            "actions": [
                {
                    "id": "charge",
                    "method": os.environ.get("CHARGE_METHOD", "POST"),
                    "url": "{{ API }}/charge",
                    "body": {"for": "{{ user }}"},
                    "store_response_as": "charge",
                }
            ],
        }
    ),
    model=os.environ.get("MODEL", "openai-chat:standin"),
    listen=Listen(when=("every",)),
)

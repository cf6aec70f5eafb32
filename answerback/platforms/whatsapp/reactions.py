"""The emojis of reactions: WhatsApp takes the characters, and agents may use the names that other platforms have."""

from __future__ import annotations

NAMES = {
    "+1": "👍", "-1": "👎", "bulb": "💡", "clap": "👏", "confused": "😕", "eyes": "👀", "fire": "🔥", "heart": "❤️",
    "hooray": "🎉", "hourglass": "⏳", "joy": "😂", "laugh": "😄", "memo": "📝", "ok_hand": "👌", "pray": "🙏",
    "question": "❓", "raised_hands": "🙌", "robot_face": "🤖", "rocket": "🚀", "smile": "😄", "tada": "🎉",
    "thinking_face": "🤔", "thumbsdown": "👎", "thumbsup": "👍", "warning": "⚠️", "wave": "👋", "white_check_mark": "✅",
    "x": "❌",
}  # fmt: skip
_LONGEST = 12


def emoji(name: str) -> str:
    """Return the emoji that a name stands for, or that it is; "" if WhatsApp has none."""
    if name in NAMES:
        return NAMES[name]
    plain = any(each.isalnum() and each.isascii() for each in name.removesuffix("\ufe0f\u20e3"))
    return name if name and not plain and not name.isascii() and len(name) <= _LONGEST else ""

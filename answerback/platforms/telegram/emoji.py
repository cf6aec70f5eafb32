"""The emoji of reactions: Telegram has a fixed list. https://core.telegram.org/bots/api#reactiontypeemoji"""

from __future__ import annotations

_EMOJI = frozenset({
    "❤", "👍", "👎", "🔥", "🥰", "👏", "😁", "🤔", "🤯", "😱", "🤬", "😢", "🎉", "🤩", "🤮", "💩", "🙏", "👌", "🕊",
    "🤡", "🥱", "🥴", "😍", "🐳", "❤‍🔥", "🌚", "🌭", "💯", "🤣", "⚡", "🍌", "🏆", "💔", "🤨", "😐", "🍓", "🍾",
    "💋", "🖕", "😈", "😴", "😭", "🤓", "👻", "👨‍💻", "👀", "🎃", "🙈", "😇", "😨", "🤝", "✍", "🤗", "🫡", "🎅",
    "🎄", "☃", "💅", "🤪", "🗿", "🆒", "💘", "🙉", "🦄", "😘", "💊", "🙊", "😎", "👾", "🤷‍♂", "🤷", "🤷‍♀", "😡",
})  # fmt: skip
_NAMES = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "eyes": "👀", "heart": "❤", "tada": "🎉",
    "hooray": "🎉", "fire": "🔥", "clap": "👏", "laugh": "😁", "grin": "😁", "thinking_face": "🤔", "confused": "🤔",
    "pray": "🙏", "ok_hand": "👌", "100": "💯", "zap": "⚡", "trophy": "🏆", "cry": "😢", "sob": "😭",
    "writing_hand": "✍", "saluting_face": "🫡", "hugging_face": "🤗", "broken_heart": "💔", "scream": "😱",
    "handshake": "🤝",
}  # fmt: skip
"""The names that other platforms have for them."""

_BACK = {emoji: name for name, emoji in reversed(_NAMES.items())}
_VARIATION = "\ufe0f"


def emoji_of(name: str) -> str:
    """Return the emoji of a name, or the emoji itself; "" if Telegram has no such reaction."""
    found = _NAMES.get(name, name.replace(_VARIATION, ""))
    return found if found in _EMOJI else ""


def name_of(emoji: str) -> str:
    """Return the name that other platforms have for an emoji, or the emoji itself."""
    return _BACK.get(emoji.replace(_VARIATION, ""), emoji)


def usual_names() -> str:
    """Return names for a message to the agent's author."""
    return ", ".join(sorted(_BACK.values()))

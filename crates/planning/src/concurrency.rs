//! Agents who serve several chats at once.

"""Twilio's API for messages, and the people who write: https://www.twilio.com/docs/messaging"""

"""WhatsApp's Cloud API: https://developers.facebook.com/documentation/business-messaging/whatsapp/overview"""

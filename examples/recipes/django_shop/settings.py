"""The settings of the project: one application, one database, no sessions."""

import os
import secrets

ALLOWED_HOSTS = os.environ.get("SHOP_HOSTS", "127.0.0.1,localhost").split(",")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("SHOP_DB", "shop.sqlite")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_shop"]
ROOT_URLCONF = "django_shop.urls"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY") or secrets.token_hex()
USE_TZ = True

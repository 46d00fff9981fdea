"""What second factors keep was written in the clear until now."""

from django.db import migrations

from clinic.operations.second_factors import with_secrets
from clinic.sealing import MARK, seal, unseal


def sealing(apps, schema_editor):
    for row in apps.get_model("mfa", "Authenticator").objects.order_by("pk"):
        row.data = with_secrets(row.data, lambda text: text if text.startswith(MARK) else seal(text))
        row.save(update_fields=["data"])


def opening(apps, schema_editor):
    for row in apps.get_model("mfa", "Authenticator").objects.order_by("pk"):
        row.data = with_secrets(row.data, unseal)
        row.save(update_fields=["data"])


class Migration(migrations.Migration):

    dependencies = [
        ("clinic", "0015_how_records_are_co_signed"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [migrations.RunPython(sealing, opening)]

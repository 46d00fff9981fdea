"""More than one legal basis are legal bases."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('protocols', '0007_wordings_have_a_language'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='legalbasis',
            options={'verbose_name_plural': 'legal bases'},
        ),
    ]
